-- Deletes the history of a list, before the list itself.
-- Locks those rows; runs under the list's lock.
DELETE FROM history WHERE list_id = $1
