-- All counts of a list in an index, so that the statistics of an organization read no table: the rows of one list lie far
-- apart there, because those of all lists are written as time goes by. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

DROP INDEX CONCURRENTLY IF EXISTS counted_periods_whole;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY counted_periods_whole ON counted_periods (list_id, period_at)
INCLUDE (joins, promotions, purchases, tickets_bought, expiries, departures, tickets_waiting);
