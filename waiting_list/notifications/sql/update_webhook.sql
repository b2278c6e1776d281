-- Changes a webhook.
-- Locks the webhook's row, which this transaction has already locked.
UPDATE webhooks
SET url = $3, description = $4, types = $5, notify_email = $6, failing_since = $7, disabled_at = $8,
    disabled_reason = $9
WHERE organization_id = $1 AND webhook_id = $2
