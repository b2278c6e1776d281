-- Record that a webhook did not take a delivery; keep the time of the first failure since it worked.
-- Locks the webhook's row.
UPDATE webhooks SET failing_since = least(failing_since, statement_timestamp()) WHERE webhook_id = $1
