-- Lets one migrator in at a time for what cannot be a transaction; whether this one may.
-- Takes an advisory lock until the connection ends; never used by a list.
SELECT pg_try_advisory_lock($1::bigint + 1)
