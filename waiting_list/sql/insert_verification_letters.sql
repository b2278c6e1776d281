-- Asks everybody who waits in one list with an address that nobody has verified to verify it.
-- Locks the new rows; runs under the list's lock, in the transaction that makes the list ask for it.
INSERT INTO outbox (list_id, notice_id, organization_id, type, number, sequence, created_at, due_at)
SELECT $1, md5($1::text || '/' || e.number || '/' || $4::bigint)::uuid, $2, 'verify', e.number, $4, $3, $3
FROM entries e
JOIN contacts c ON c.list_id = $1 AND c.number = e.number
WHERE e.list_id = $1 AND e.status = 'waiting' AND e.unverified AND c.unsubscribed_at IS NULL
