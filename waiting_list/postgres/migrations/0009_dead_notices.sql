-- How many notices were given up is asked every few seconds. Built beside the service: the outbox may be long.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction
DROP INDEX CONCURRENTLY IF EXISTS outbox_dead;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY outbox_dead ON outbox (ended_at) WHERE status = 'dead';
