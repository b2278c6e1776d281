-- Delete the changes around one list ($2) that its history has now.
-- Locks those rows.
DELETE FROM list_news n WHERE n.list_id = $1 AND n.change_id = ANY ($2::uuid[])
