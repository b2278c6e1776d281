-- Read one webhook of an organization, and keep it unchanged until the transaction ends.
-- Locks the webhook's row.
SELECT w.webhook_id, w.url, w.description, w.types, w.notify_email, w.created_at, w.rotated_at, w.failing_since,
    w.disabled_at, w.disabled_reason, w.secret_version
FROM webhooks w WHERE w.organization_id = $1 AND w.webhook_id = $2
FOR NO KEY UPDATE
