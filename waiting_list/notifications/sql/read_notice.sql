-- One notice.
-- Locks nothing.
SELECT o.notice_id::text AS notice_id, o.webhook_id, o.type, i.offer_id, i.representation_id, o.number, o.status,
    o.created_at, o.due_at, o.tries, o.tried_at, o.ended_at, o.answer_status, o.answer, o.latency_ms
FROM outbox o
LEFT JOIN inventory i ON i.list_id = o.list_id
WHERE o.list_id = $1 AND o.notice_id = $2
