-- Read which of these lists ($1) must pay heed to which wishes ($2): an entry has to leave, where $3, or is set aside in vain.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, e.wish_id
FROM unnest($1::uuid[], $2::uuid[], $3::boolean[]) AS g (list_id, wish_id, leaves)
JOIN entries e ON e.list_id = g.list_id AND e.wish_id = g.wish_id
JOIN inventory i ON i.list_id = e.list_id
WHERE e.status <> 'left' AND e.wish_id IS NOT NULL AND (g.leaves OR e.set_aside_at IS NOT NULL)
