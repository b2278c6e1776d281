-- Lets one migrator in at a time.
-- Takes an advisory lock until the transaction ends; never used by a list.
SELECT pg_advisory_xact_lock($1)
