-- Delete the shared links of some entries of one list.
-- Locks those rows.
DELETE FROM shared_links WHERE list_id = $1 AND number = ANY ($2::bigint[])
