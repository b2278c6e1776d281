-- Write the newest checkpoint of one list, unless there is one of as many changes; return the list if it was written.
-- Locks the row.
INSERT INTO checkpoints AS c (list_id, origin, size, root, note, signed_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (list_id) DO UPDATE
SET size = excluded.size, root = excluded.root, note = excluded.note, signed_at = excluded.signed_at
WHERE c.size < excluded.size
RETURNING c.list_id
