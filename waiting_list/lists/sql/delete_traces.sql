-- Delete the traces of some entries of one list.
-- Locks those rows; runs under the list's lock.
DELETE FROM traces WHERE list_id = $1 AND number = ANY ($2::bigint[])
