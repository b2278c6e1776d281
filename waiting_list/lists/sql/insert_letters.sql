-- Put e-mails to subscribed fans of one list in the outbox, and of a turn what goes to devices, and through a gateway ($5) to phones.
-- Where the list verifies addresses ($4), an unverified one gets only joined and verify. Locks the new rows; runs under the list's lock.
INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, number, sequence, body, created_at, due_at)
SELECT u.list_id, u.notice_id, u.organization_id, u.webhook_id, u.type, u.number, u.sequence, u.body, u.created_at, u.due_at
FROM (
    SELECT l.list_id, n.notice_id, $2::text AS organization_id, NULL AS webhook_id, n.type, n.number, n.sequence,
        NULL AS body, $3::timestamptz AS created_at, n.due_at
    FROM inventory l
    CROSS JOIN unnest($6::uuid[], $7::text[], $8::bigint[], $9::bigint[], $10::timestamptz[])
        AS n (notice_id, type, number, sequence, due_at)
    CROSS JOIN LATERAL (
        SELECT x.verified_at FROM contacts x
        WHERE x.list_id = $1 AND x.number = n.number AND x.email IS NOT NULL AND x.unsubscribed_at IS NULL
        LIMIT 1
    ) AS c
    WHERE l.list_id = $1
        AND (c.verified_at IS NOT NULL OR n.type IN ('joined', 'verify') OR NOT $4::boolean)
    UNION ALL
    SELECT p.list_id, md5(n.notice_id::text || p.push_id::text)::uuid, $2::text, 'push', n.type, n.number, n.sequence, p.push_id::text,
        $3::timestamptz, n.due_at
    FROM unnest($6::uuid[], $7::text[], $8::bigint[], $9::bigint[], $10::timestamptz[])
        AS n (notice_id, type, number, sequence, due_at)
    JOIN push_subscriptions p ON p.list_id = $1 AND p.number = n.number
    WHERE p.list_id = $1 AND n.type IN ('ready', 'reminder')
    UNION ALL
    SELECT p.list_id, md5(n.notice_id::text || $5::text)::uuid, $2::text, $5::text, n.type, n.number, n.sequence, NULL,
        $3::timestamptz, n.due_at
    FROM unnest($6::uuid[], $7::text[], $8::bigint[], $9::bigint[], $10::timestamptz[])
        AS n (notice_id, type, number, sequence, due_at)
    JOIN phones p ON p.list_id = $1 AND p.number = n.number AND p.verified_at IS NOT NULL AND p.failed_at IS NULL
    WHERE p.list_id = $1 AND n.type IN ('ready', 'reminder') AND $5::text IS NOT NULL
) AS u
