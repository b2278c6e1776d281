-- Put webhook deliveries about changes of one list in the outbox.
-- Locks the new rows; runs under the list's lock, in the transaction of the change.
INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, number, sequence, body, created_at, due_at)
SELECT l.list_id, n.notice_id, $2, n.webhook_id, n.type, n.number, n.sequence, n.body, $3, $3
FROM inventory l
CROSS JOIN unnest($4::uuid[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[])
    AS n (notice_id, webhook_id, type, number, sequence, body)
WHERE l.list_id = $1
