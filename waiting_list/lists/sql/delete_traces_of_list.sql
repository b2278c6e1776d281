-- Forgets from where the entries of one list were made, once it has ended.
-- Locks those rows; runs under the list's lock.
DELETE FROM traces WHERE list_id = $1
