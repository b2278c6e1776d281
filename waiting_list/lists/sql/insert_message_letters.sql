-- Put the letters of a message ($5) to these entries ($6) of one list in the outbox.
-- Locks the new rows; runs under the list's lock.
INSERT INTO outbox (list_id, notice_id, organization_id, type, number, sequence, body, created_at, due_at)
SELECT l.list_id, md5($5::text || '/' || n.number)::uuid, $2, 'message', n.number, $4, $5, $3, $3
FROM inventory l
CROSS JOIN unnest($6::bigint[]) AS n (number)
WHERE l.list_id = $1
