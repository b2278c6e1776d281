-- Delete the phone number of one entry.
-- Locks that row.
DELETE FROM phones WHERE list_id = $1 AND number = $2
