-- Read the active entries of wishes ($2) in their lists ($1).
-- Locks nothing.
SELECT e.wish_id, e.list_id, e.number, e.status, e.set_aside_at
FROM unnest($1::uuid[], $2::uuid[]) AS g (list_id, wish_id)
JOIN entries e ON e.list_id = g.list_id AND e.wish_id = g.wish_id
WHERE e.status <> 'left' AND e.wish_id IS NOT NULL
