-- Delete a wish ($1) that no list has taken.
-- Locks its row.
DELETE FROM wishes w
WHERE w.wish_id = $1
    AND NOT EXISTS (SELECT FROM entries e WHERE e.list_id = ANY (w.lists) AND e.wish_id = w.wish_id)
