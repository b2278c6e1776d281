-- Read whether one of these lists ($2) has an entry of a wish ($1).
-- Locks nothing.
SELECT EXISTS (SELECT 1 FROM entries e WHERE e.list_id = ANY ($2::uuid[]) AND e.wish_id = $1 AND e.wish_id IS NOT NULL)
