-- Remembers the answer to an organization's own request, or returns the first one to the same key.
-- Locks the row until the transaction ends: a repeat at the same time waits for the first.
INSERT INTO idempotency AS i (list_id, key_hash, request_hash, answer, created_at)
VALUES ($1, $2, $3, $4, now())
ON CONFLICT (list_id, key_hash) DO UPDATE SET answer = i.answer
RETURNING request_hash, answer
