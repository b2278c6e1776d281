-- Delete all alerts of one list, which takes no fans any more.
-- Locks those rows.
DELETE FROM alerts a WHERE a.list_id = $1
