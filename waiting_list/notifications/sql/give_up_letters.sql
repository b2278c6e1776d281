-- Drop up to ten thousand e-mails of these types ($1) that have been due for longer than each may be ($2), because a
-- worker could not send them in time. Locks those rows; an e-mail that is claimed meanwhile stays.
UPDATE outbox o
SET status = 'dropped', ended_at = now(), answer = 'no worker could send it in time'
FROM (
    SELECT x.list_id, x.notice_id, now() - k.longest AS due_before
    FROM outbox x
    JOIN unnest($1::text[], $2::interval[]) AS k (type, longest) ON k.type = x.type
    WHERE x.status = 'pending' AND x.webhook_id IS NULL AND x.due_at < now() - k.longest
        AND x.due_at < now() - (SELECT min(y) FROM unnest($2::interval[]) AS y)
    ORDER BY x.due_at LIMIT 10000
) AS old
WHERE o.list_id = old.list_id AND o.notice_id = old.notice_id AND o.status = 'pending' AND o.due_at < old.due_before
