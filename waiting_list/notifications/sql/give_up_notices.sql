-- Mark what one list has pending for a disabled webhook as dead. It can be resent once the webhook is enabled.
-- Locks those rows.
UPDATE outbox SET status = 'dead', ended_at = statement_timestamp(), answer = $3
WHERE list_id = $1 AND webhook_id = $2 AND status = 'pending'
