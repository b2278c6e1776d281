-- Delete all offers of entries of one list, which is deleted.
-- Locks those rows.
DELETE FROM transfers t WHERE t.list_id = $1
