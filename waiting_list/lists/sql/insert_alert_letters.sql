-- Put the letters to those who asked for an alert ($5) about one list in the outbox, at the list's change $4.
-- Locks the new rows; runs under the list's lock.
INSERT INTO outbox (list_id, notice_id, organization_id, type, number, sequence, body, created_at, due_at)
SELECT l.list_id, n.notice_id, $2, 'opened', NULL, $4, n.alert_id, $3, $3
FROM inventory l
CROSS JOIN unnest($5::uuid[], $6::text[]) AS n (notice_id, alert_id)
WHERE l.list_id = $1
