-- Deletes a webhook.
-- Locks the webhook's row.
DELETE FROM webhooks WHERE organization_id = $1 AND webhook_id = $2
RETURNING webhook_id, url, description, types, notify_email, created_at, rotated_at, failing_since,
    disabled_at, disabled_reason, secret_version
