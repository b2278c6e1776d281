-- In which lists some notices are, of one organization or of any, and whom they are for.
-- Locks nothing.
SELECT o.list_id, o.notice_id, o.webhook_id FROM outbox o
WHERE o.notice_id = ANY ($1::uuid[]) AND ($2::text IS NULL OR o.organization_id = $2)
