-- Read lists and receivers (null: fans) with due notices, the longest due first, without the given pairs and receivers
-- (empty: fans). Locks nothing, because claim_notices follows. It reads the clock once, so that the index serves it.
SELECT d.list_id, d.webhook_id
FROM (
    SELECT o.list_id, o.webhook_id, o.due_at FROM outbox o
    WHERE o.status = 'pending' AND o.due_at <= statement_timestamp()
        AND coalesce(o.webhook_id, '') <> ALL ($3::text[])
        AND NOT EXISTS (SELECT FROM unnest($1::uuid[], $2::text[]) AS taken (list_id, webhook_id)
            WHERE taken.list_id = o.list_id AND taken.webhook_id = coalesce(o.webhook_id, ''))
    ORDER BY o.due_at LIMIT 1000
) AS d
GROUP BY d.list_id, d.webhook_id
ORDER BY min(d.due_at)
