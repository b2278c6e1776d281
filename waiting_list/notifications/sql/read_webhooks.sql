-- The webhooks of one organization, the oldest first; all, or one.
-- Locks nothing.
SELECT w.webhook_id, w.url, w.description, w.types, w.notify_email, w.created_at, w.rotated_at, w.failing_since,
    w.disabled_at, w.disabled_reason, w.secret_version
FROM webhooks w
WHERE w.organization_id = $1 AND ($2::text IS NULL OR w.webhook_id = $2)
    AND ($3::timestamptz IS NULL OR (w.created_at, w.webhook_id) > ($3, $4::text))
ORDER BY w.created_at, w.webhook_id LIMIT $5
