-- Pages of lists of any length: indexes in the order in which pages show entries and changes. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

-- Entries that have left, in the order of the list.
DROP INDEX CONCURRENTLY IF EXISTS entries_left;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY entries_left ON entries (list_id, left_reason, rank, number) WHERE status = 'left';

-- The entries that were moved, by age: all others wait in the order in which they joined.
DROP INDEX CONCURRENTLY IF EXISTS entries_moved;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY entries_moved ON entries (list_id, joined_at)
WHERE status = 'waiting' AND rank <> number * 1000000;

-- The changes of one entry, for its page and for the export of a person.
DROP INDEX CONCURRENTLY IF EXISTS history_by_number;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY history_by_number ON history (list_id, number);

-- The changes by one verb. Joins are most of a history, and come before all else, so they need no index.
DROP INDEX CONCURRENTLY IF EXISTS history_by_verb;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY history_by_verb ON history (list_id, verb, sequence) WHERE verb <> 'join';

-- The lists of an organization in the order of exports and listings.
DROP INDEX CONCURRENTLY IF EXISTS inventory_in_order;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY inventory_in_order ON inventory (organization_id, list_id);

-- The notices that an organizer looks for, in the order of their page: those that did not go out.
DROP INDEX CONCURRENTLY IF EXISTS outbox_unsent;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY outbox_unsent ON outbox (organization_id, status, created_at, notice_id)
WHERE status IN ('dead', 'dropped');
