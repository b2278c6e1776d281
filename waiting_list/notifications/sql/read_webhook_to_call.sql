-- Read one webhook with the data that a call to it needs.
-- Locks nothing.
SELECT w.webhook_id, w.organization_id, w.url, w.notify_email, w.secret_version, w.rotated_at, w.failing_since,
    w.disabled_at, clock_timestamp() AS now
FROM webhooks w
WHERE w.webhook_id = $1
