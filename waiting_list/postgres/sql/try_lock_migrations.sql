-- Let only one migrator run what cannot be in a transaction; return whether this one may.
-- Takes an advisory lock until the connection ends; no list uses this lock.
SELECT pg_try_advisory_lock($1::bigint + 1)
