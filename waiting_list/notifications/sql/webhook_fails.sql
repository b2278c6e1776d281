-- A webhook has not taken a delivery; what was the first since it worked is remembered.
-- Locks the webhook's row.
UPDATE webhooks SET failing_since = least(failing_since, statement_timestamp()) WHERE webhook_id = $1
