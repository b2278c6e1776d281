-- Delete the entries of a list that is deleted with its entries.
-- Locks those rows; runs under the list's lock.
DELETE FROM entries WHERE list_id = $1
