-- Delete the phone numbers of all entries of one list.
-- Locks those rows; runs under the list's lock.
DELETE FROM phones WHERE list_id = $1
