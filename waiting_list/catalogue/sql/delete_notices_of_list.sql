-- Delete the notices about a list that never had an entry, before the list itself.
-- Locks those rows; runs under the list's lock.
DELETE FROM outbox WHERE list_id = $1
