-- Forgets what was, or was to be, told about a list that nobody ever joined, before the list itself.
-- Locks those rows; runs under the list's lock.
DELETE FROM outbox WHERE list_id = $1
