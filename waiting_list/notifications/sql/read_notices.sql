-- Notices, the newest first: of one organization or of all, to one webhook or any, filtered.
-- Locks nothing.
SELECT o.notice_id::text AS notice_id, o.webhook_id, o.type, i.offer_id, i.representation_id, o.number, o.status,
    o.created_at, o.due_at, o.tries, o.tried_at, o.ended_at, o.answer_status, o.answer, o.latency_ms
FROM outbox o
LEFT JOIN inventory i ON i.list_id = o.list_id
WHERE ($1::text IS NULL OR o.organization_id = $1)
    AND ($2::text IS NULL OR o.webhook_id = $2)
    AND ($3::text[] IS NULL OR o.status = ANY ($3))
    AND ($4::text[] IS NULL OR o.type = ANY ($4))
    AND ($5::text IS NULL
        OR $5 = CASE WHEN o.webhook_id IS NULL THEN 'email' WHEN o.webhook_id = 'push' THEN 'push'
            WHEN starts_with(o.webhook_id, 'sms_') THEN 'sms' ELSE 'webhook' END)
    AND ($6::text[] IS NULL OR i.offer_id = ANY ($6))
    AND ($7::text[] IS NULL OR i.representation_id = ANY ($7))
    AND ($8::timestamptz IS NULL OR (o.created_at, o.notice_id) < ($8, $9::uuid))
ORDER BY o.created_at DESC, o.notice_id DESC LIMIT $10
