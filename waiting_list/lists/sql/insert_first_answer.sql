-- Store the response to an organization's own request, or return the stored response for the same idempotency key.
-- Locks the row until the transaction ends, so that a concurrent repeat waits for the first request.
INSERT INTO idempotency AS i (list_id, key_hash, request_hash, answer, created_at)
VALUES ($1, $2, $3, $4, now())
ON CONFLICT (list_id, key_hash) DO UPDATE SET answer = i.answer
RETURNING request_hash, answer
