-- Read the e-mails to the fan of one entry of one list, the newest first.
-- Locks nothing.
SELECT o.notice_id::text AS notice_id, o.webhook_id, o.type, i.offer_id, i.representation_id, o.number, o.status,
    o.created_at, o.due_at, o.tries, o.tried_at, o.ended_at, o.answer_status, o.answer, o.latency_ms
FROM outbox o
JOIN inventory i ON i.list_id = $1
WHERE o.list_id = $1 AND o.number = $2 AND o.webhook_id IS NULL
ORDER BY o.created_at DESC, o.notice_id DESC LIMIT $3
