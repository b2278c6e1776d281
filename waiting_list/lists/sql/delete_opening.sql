-- Forget that one list has alerts to tell.
-- Locks that row.
DELETE FROM openings o WHERE o.list_id = $1
