-- Let only one migrator work at a time.
-- Takes an advisory lock until the transaction ends; no list uses this lock.
SELECT pg_advisory_xact_lock($1)
