-- Put a test delivery to a webhook, or a test message for a gateway, in the outbox, due at once.
-- Locks the new row.
INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, body, created_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
