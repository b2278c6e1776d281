-- Delete the shared links of all entries of one list.
-- Locks those rows; runs under the list's lock.
DELETE FROM shared_links WHERE list_id = $1
