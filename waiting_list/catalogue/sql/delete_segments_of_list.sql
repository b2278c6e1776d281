-- Delete the segments of a list that is deleted with its entries.
-- Locks those rows; runs under the list's lock.
DELETE FROM segments WHERE list_id = $1
