-- Gives up what one list has for a webhook that is not called any more. It can be sent again if it is enabled.
-- Locks those rows.
UPDATE outbox SET status = 'dead', ended_at = statement_timestamp(), answer = $3
WHERE list_id = $1 AND webhook_id = $2 AND status = 'pending'
