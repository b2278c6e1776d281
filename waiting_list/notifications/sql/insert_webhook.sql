-- Adds a webhook.
-- Locks the new row; runs under the organization's lock.
INSERT INTO webhooks (webhook_id, organization_id, url, description, types, notify_email, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING webhook_id, url, description, types, notify_email, created_at, rotated_at, failing_since,
    disabled_at, disabled_reason, secret_version
