-- Have PostgreSQL look at the data of the table $1, and plan its statements anew.
-- Locks no row; waits for no other lock.
ANALYZE (SKIP_LOCKED) $1
