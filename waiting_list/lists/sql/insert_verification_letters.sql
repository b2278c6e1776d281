-- Ask each subscribed fan of one list to verify an unverified address, with an e-mail in the outbox.
-- Locks the new rows; runs under the list's lock, in the transaction that makes the list ask for it.
INSERT INTO outbox (list_id, notice_id, organization_id, type, number, sequence, created_at, due_at)
SELECT e.list_id, md5($1::text || '/' || e.number || '/' || $4::bigint || '/' || $3::timestamptz)::uuid, $2, 'verify',
    e.number, $4, $3, $3
FROM entries e
CROSS JOIN LATERAL (
    SELECT FROM contacts x
    WHERE x.list_id = $1 AND x.number = e.number AND x.unsubscribed_at IS NULL LIMIT 1
) AS c
WHERE e.list_id = $1 AND e.status IN ('waiting', 'ready') AND e.unverified
