-- Read up to $2 lists, without those of $3, with changes that no checkpoint covers and none signed since $1, the longest
-- without one first. Locks nothing.
SELECT i.list_id FROM inventory i
LEFT JOIN checkpoints c ON c.list_id = i.list_id
WHERE i.last_sequence > coalesce(c.size, 0) AND (c.signed_at IS NULL OR c.signed_at < $1) AND i.list_id <> ALL ($3::uuid[])
ORDER BY c.signed_at NULLS FIRST LIMIT $2
