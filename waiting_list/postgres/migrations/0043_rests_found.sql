-- Find the rests in line, and the lists where free tickets wait for the first. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

DROP INDEX CONCURRENTLY IF EXISTS entries_rests;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY entries_rests ON entries (list_id, rank)
WHERE status = 'ready' AND keep_waiting_for_rest AND tickets_held < tickets_wanted;

DROP INDEX CONCURRENTLY IF EXISTS inventory_idle;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY inventory_idle ON inventory (idle_until) WHERE idle_until IS NOT NULL;
