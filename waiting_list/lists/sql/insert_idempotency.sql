-- Store the responses to requests with an idempotency key; the responses name no person.
-- Locks the new rows; runs under the list's lock, in the transaction of the change.
INSERT INTO idempotency (list_id, key_hash, request_hash, answer, created_at)
SELECT l.list_id, i.key_hash, i.request_hash, i.answer, $5
FROM inventory l
CROSS JOIN unnest($2::bytea[], $3::bytea[], $4::text[]) AS i (key_hash, request_hash, answer)
WHERE l.list_id = $1
