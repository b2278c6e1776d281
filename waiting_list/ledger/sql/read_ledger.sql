-- Read what the public reads of the ledger of one list need: whether it is public, how long it is, and its newest checkpoint.
-- Locks nothing.
SELECT i.public_ledger, i.last_sequence, c.origin, c.size, c.root, c.note, clock_timestamp() - c.signed_at AS age
FROM inventory i
LEFT JOIN checkpoints c ON c.list_id = $1
WHERE i.list_id = $1
