-- Find the entry of a wish in a list, of which one at most is active, and those that are set aside: few rows of a long table. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

DROP INDEX CONCURRENTLY IF EXISTS entries_of_wishes;
-- squawk-ignore prefer-robust-stmts
CREATE UNIQUE INDEX CONCURRENTLY entries_of_wishes ON entries (list_id, wish_id) WHERE wish_id IS NOT NULL AND status <> 'left';

DROP INDEX CONCURRENTLY IF EXISTS entries_wished;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY entries_wished ON entries (list_id, wish_id) WHERE wish_id IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS entries_set_aside;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY entries_set_aside ON entries (list_id) WHERE status = 'waiting' AND set_aside_at IS NOT NULL;
