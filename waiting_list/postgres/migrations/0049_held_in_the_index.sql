-- The index of 0046 with the tickets held, so that the statistics of an organization still read no table. The version before
-- reads this one in its place. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

DROP INDEX CONCURRENTLY IF EXISTS counted_periods_all;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY counted_periods_all ON counted_periods (list_id, period_at)
INCLUDE (joins, promotions, purchases, tickets_bought, expiries, departures, tickets_waiting, tickets_held);
DROP INDEX CONCURRENTLY IF EXISTS counted_periods_whole;
