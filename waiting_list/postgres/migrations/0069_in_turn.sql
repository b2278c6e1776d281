-- Find who is next in turn, without the places that are paused or set aside: a promotion steps over none of them.
-- entries_fitting has these too. It stays for the version before, which reads it in each change; the next version drops it.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

DROP INDEX CONCURRENTLY IF EXISTS entries_in_turn;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY entries_in_turn ON entries (list_id, unverified, tickets_minimum, rank)
    WHERE status = 'waiting' AND paused_at IS NULL AND set_aside_at IS NULL;
