-- Read how long the history of one list is, and its newest checkpoint.
-- Locks nothing.
SELECT i.organization_id, i.offer_id, i.representation_id, i.last_sequence, c.origin, c.size, c.root, c.note, c.signed_at
FROM inventory i
LEFT JOIN checkpoints c ON c.list_id = $1
WHERE i.list_id = $1
