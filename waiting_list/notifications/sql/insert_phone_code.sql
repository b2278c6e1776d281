-- Put the text message with the code of a phone number in the outbox.
-- Locks the new row.
INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, number, body, created_at, due_at)
SELECT i.list_id, $2::uuid, i.organization_id, $3::text, 'phone_code', $4::bigint, $5::text, $6::timestamptz, $6::timestamptz
FROM inventory i
WHERE i.list_id = $1
