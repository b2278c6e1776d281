-- Disable a webhook; return no row if it is already disabled or deleted.
-- Locks the webhook's row.
UPDATE webhooks SET disabled_at = statement_timestamp(), disabled_reason = $2
WHERE webhook_id = $1 AND disabled_at IS NULL
RETURNING webhook_id
