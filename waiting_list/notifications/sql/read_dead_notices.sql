-- Read dead notices, the oldest first, of one organization or of all, to one webhook or to any receiver.
-- Locks nothing: resend_notices then locks those of each list.
SELECT o.list_id, o.notice_id, o.created_at FROM outbox o
WHERE o.status = 'dead'
    AND ($1::text IS NULL OR o.organization_id = $1)
    AND ($2::text IS NULL OR o.webhook_id = $2)
    AND ($3::timestamptz IS NULL OR (o.created_at, o.notice_id) > ($3, $4::uuid))
ORDER BY o.created_at, o.notice_id LIMIT $5
