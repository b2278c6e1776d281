-- Read the oldest wishes from before $1 after a wish ($2), each with its lists.
-- Locks nothing.
SELECT w.wish_id, w.lists FROM wishes w
WHERE w.created_at < $1 AND ($2::uuid IS NULL OR w.wish_id > $2)
ORDER BY w.wish_id LIMIT $3
