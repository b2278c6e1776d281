-- Forgets from where some entries of one list were made.
-- Locks those rows; runs under the list's lock.
DELETE FROM traces WHERE list_id = $1 AND number = ANY ($2::bigint[])
