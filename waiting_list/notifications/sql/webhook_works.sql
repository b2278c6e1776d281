-- A webhook has taken a delivery: it fails no more.
-- Locks the webhook's row.
UPDATE webhooks SET failing_since = NULL WHERE webhook_id = $1
