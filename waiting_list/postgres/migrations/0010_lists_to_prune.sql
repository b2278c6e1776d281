-- What is to be pruned is looked for all the time, and mostly nothing is: an index of columns that nothing but an end and
-- a pruning changes, so that joins and purchases update the row where it stands. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction
DROP INDEX CONCURRENTLY IF EXISTS inventory_to_prune;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY inventory_to_prune ON inventory (ended_at)
WHERE ended_at IS NOT NULL AND (pruned_at IS NULL OR pruned_at < ended_at);
