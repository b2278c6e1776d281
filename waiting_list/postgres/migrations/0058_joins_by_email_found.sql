-- A join by e-mail looks for the unverified places of its network: few rows of a long table. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction
DROP INDEX CONCURRENTLY IF EXISTS contacts_joined_from;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY contacts_joined_from ON contacts (list_id, joined_from) WHERE joined_from IS NOT NULL;
