-- Read the notices about one user's entries in the lists of one organization, to all receivers; about an entry that another
-- gave them, since then. Locks nothing.
SELECT o.notice_id::text AS notice_id, o.webhook_id, o.type, i.offer_id, i.representation_id, o.number, o.status,
    o.created_at, o.due_at, o.tries, o.tried_at, o.ended_at, o.answer_status, o.answer, o.latency_ms, o.body
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
JOIN outbox o ON o.list_id = e.list_id AND o.number = e.number
LEFT JOIN transfers t ON t.list_id = e.list_id AND t.number = e.number
WHERE e.user_id = $1 AND i.organization_id = $2 AND (t.transferred_at IS NULL OR o.created_at >= t.transferred_at)
ORDER BY o.created_at, o.notice_id
