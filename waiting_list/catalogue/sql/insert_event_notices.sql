-- Put a delivery of event.changed ($4) in the outbox for each enabled webhook of the organization that wants it.
-- Locks the new rows.
INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, body, created_at, due_at)
SELECT $1::uuid, md5($3::text || w.webhook_id)::uuid, $2::text, w.webhook_id, 'event.changed', $4::text,
    $5::timestamptz, $5::timestamptz
FROM webhooks w
WHERE w.organization_id = $2::text AND w.disabled_at IS NULL
    AND (cardinality(w.types) = 0 OR 'event.changed' = ANY (w.types))
