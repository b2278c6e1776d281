-- The failed addresses of a list are counted for its organizer: few rows of a long table. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction
DROP INDEX CONCURRENTLY IF EXISTS entries_failed;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY entries_failed ON entries (list_id) WHERE address_failed AND status <> 'left';
