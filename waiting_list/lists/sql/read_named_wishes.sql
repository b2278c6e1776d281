-- Read which of these wishes ($2) in these lists ($1) have an entry that names a person.
-- Locks nothing.
SELECT DISTINCT e.wish_id
FROM unnest($1::uuid[], $2::uuid[]) AS g (list_id, wish_id)
JOIN entries e ON e.list_id = g.list_id AND e.wish_id = g.wish_id
WHERE e.wish_id IS NOT NULL AND e.user_id IS NOT NULL
