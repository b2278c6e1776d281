-- Delete the notices about a list, before the list itself.
-- Locks those rows; runs under the list's lock.
DELETE FROM outbox WHERE list_id = $1
