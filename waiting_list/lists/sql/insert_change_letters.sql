-- Put e-mails about changes around one list in the outbox, each with what changed.
-- Locks the new rows; runs under the list's lock.
INSERT INTO outbox (list_id, notice_id, organization_id, type, number, sequence, body, created_at, due_at)
SELECT l.list_id, n.notice_id, $2, n.type, n.number, n.sequence, n.body, n.created_at, n.due_at
FROM inventory l
CROSS JOIN unnest($3::uuid[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::timestamptz[], $9::timestamptz[])
    AS n (notice_id, type, number, sequence, body, created_at, due_at)
WHERE l.list_id = $1
