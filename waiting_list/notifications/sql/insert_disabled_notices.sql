-- Put notices that a webhook is disabled in the outbox: for the organization's other webhooks ($3, $4), and by e-mail
-- ($5, $6); without an e-mail if $6 is null. Locks the new rows.
INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, body, created_at, due_at)
SELECT $1::uuid, md5($3::text || w.webhook_id)::uuid, $2::text, w.webhook_id, 'webhook.disabled', $4::text, c.now, c.now
FROM webhooks w, (SELECT statement_timestamp() AS now) AS c
WHERE w.organization_id = $2::text AND w.disabled_at IS NULL
UNION ALL
SELECT $1::uuid, $5::uuid, $2::text, NULL, 'webhook_disabled', $6::text, c.now, c.now
FROM (SELECT statement_timestamp() AS now) AS c
WHERE $6::text IS NOT NULL
