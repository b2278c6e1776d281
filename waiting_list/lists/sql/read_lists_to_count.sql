-- Read up to $2 lists with at least $1 changes that are not counted, those with the most first.
-- Locks nothing.
SELECT i.list_id FROM inventory i
LEFT JOIN counted_lists c ON c.list_id = i.list_id
WHERE i.last_sequence - coalesce(least(c.sequence, c.held_sequence), 0) >= $1::bigint
ORDER BY i.last_sequence - coalesce(least(c.sequence, c.held_sequence), 0) DESC LIMIT $2
