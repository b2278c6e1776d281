-- Put e-mails about changes around one list in the outbox, each with what changed; and the reminders that
-- moved, for devices and, through a gateway ($3), for phones. Locks the new rows; runs under the list's lock.
INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, number, sequence, body, created_at, due_at)
SELECT u.list_id, u.notice_id, u.organization_id, u.webhook_id, u.type, u.number, u.sequence, u.body, u.created_at, u.due_at
FROM (
    SELECT l.list_id, n.notice_id, $2::text AS organization_id, NULL AS webhook_id, n.type, n.number, n.sequence,
        n.body, n.created_at, n.due_at
    FROM inventory l
    CROSS JOIN unnest($4::uuid[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::timestamptz[], $10::timestamptz[])
        AS n (notice_id, type, number, sequence, body, created_at, due_at)
    WHERE l.list_id = $1
    UNION ALL
    SELECT p.list_id, md5(n.notice_id::text || p.push_id::text)::uuid, $2::text, 'push', n.type, n.number, n.sequence, p.push_id::text,
        n.created_at, n.due_at
    FROM unnest($4::uuid[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::timestamptz[], $10::timestamptz[])
        AS n (notice_id, type, number, sequence, body, created_at, due_at)
    JOIN push_subscriptions p ON p.list_id = $1 AND p.number = n.number
    WHERE p.list_id = $1 AND n.type = 'reminder'
    UNION ALL
    SELECT p.list_id, md5(n.notice_id::text || $3::text)::uuid, $2::text, $3::text, n.type, n.number, n.sequence, NULL,
        n.created_at, n.due_at
    FROM unnest($4::uuid[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::timestamptz[], $10::timestamptz[])
        AS n (notice_id, type, number, sequence, body, created_at, due_at)
    JOIN phones p ON p.list_id = $1 AND p.number = n.number AND p.verified_at IS NOT NULL AND p.failed_at IS NULL
    WHERE p.list_id = $1 AND n.type = 'reminder' AND $3::text IS NOT NULL
) AS u
