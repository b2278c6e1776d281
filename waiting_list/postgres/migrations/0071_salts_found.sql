-- The salts of erased reasons, which only a process of an older version leaves. Built beside the service; empty otherwise.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

DROP INDEX CONCURRENTLY IF EXISTS history_salts;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY history_salts ON history (list_id) WHERE reason IS NULL AND reason_salt IS NOT NULL;
