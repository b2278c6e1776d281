-- Delete the changes around one list that is about to be deleted.
-- Locks those rows.
DELETE FROM list_news n WHERE n.list_id = $1
