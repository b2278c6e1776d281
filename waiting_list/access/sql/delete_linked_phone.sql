-- Delete the phone number of one entry that came by its private link.
-- Locks that row.
DELETE FROM phones WHERE list_id = $1 AND number = $2 AND by_link
