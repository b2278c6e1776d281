-- Delete all traces of one list, after its end.
-- Locks those rows; runs under the list's lock.
DELETE FROM traces WHERE list_id = $1
