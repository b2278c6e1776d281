-- Find whether a list has paused places: few rows of a long table. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

DROP INDEX CONCURRENTLY IF EXISTS entries_paused;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY entries_paused ON entries (list_id) WHERE status = 'waiting' AND paused_at IS NOT NULL;
