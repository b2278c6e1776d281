-- Give a webhook its next secret; the previous secret stays valid for a while.
-- Locks the webhook's row.
UPDATE webhooks SET secret_version = secret_version + 1, rotated_at = $3
WHERE organization_id = $1 AND webhook_id = $2
RETURNING webhook_id, url, description, types, notify_email, created_at, rotated_at, failing_since,
    disabled_at, disabled_reason, secret_version
