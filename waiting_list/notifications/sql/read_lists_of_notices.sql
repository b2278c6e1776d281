-- Read the list and the receiver of some notices, of one organization or of any.
-- Locks nothing.
SELECT o.list_id, o.notice_id, o.webhook_id FROM outbox o
WHERE o.notice_id = ANY ($1::uuid[]) AND ($2::text IS NULL OR o.organization_id = $2)
