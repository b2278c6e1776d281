-- Deletes the history of a list that never had an entry, before the list itself.
-- Locks those rows; runs under the list's lock.
DELETE FROM history WHERE list_id = $1
