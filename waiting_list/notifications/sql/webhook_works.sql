-- Record that a webhook took a delivery, so that it no longer counts as failing.
-- Locks the webhook's row.
UPDATE webhooks SET failing_since = NULL WHERE webhook_id = $1
