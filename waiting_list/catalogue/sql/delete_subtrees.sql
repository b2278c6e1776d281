-- Delete the tree of the ledger of a list, before the list itself.
-- Locks those rows; runs under the list's lock.
DELETE FROM ledger_subtrees WHERE list_id = $1
