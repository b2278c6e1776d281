-- Changes a webhook.
-- Locks the webhook's row: the caller has locked it already.
UPDATE webhooks
SET url = $3, description = $4, types = $5, notify_email = $6, failing_since = $7, disabled_at = $8,
    disabled_reason = $9
WHERE organization_id = $1 AND webhook_id = $2
