-- Put letters ($6) about offers of entries of one list in the outbox, at the list's change $4.
-- Locks the new rows; runs under the list's lock.
INSERT INTO outbox (list_id, notice_id, organization_id, type, number, sequence, body, created_at, due_at)
SELECT l.list_id, n.notice_id, $2, n.type, NULL, $4, n.transfer_id, $3, $3
FROM inventory l
CROSS JOIN unnest($5::uuid[], $6::text[], $7::text[]) AS n (notice_id, type, transfer_id)
WHERE l.list_id = $1
