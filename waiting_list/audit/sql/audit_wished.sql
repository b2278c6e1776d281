-- Read the wishes of the active entries of one list ($1).
-- Locks nothing.
SELECT e.wish_id FROM entries e WHERE e.list_id = $1 AND e.wish_id IS NOT NULL AND e.status <> 'left'
