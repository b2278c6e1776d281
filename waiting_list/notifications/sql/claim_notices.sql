-- Claim due notices of one list for one receiver ($2; empty: fans, by e-mail). They are due again after $4.
-- Locks those rows, and skips rows that another sender is claiming.
UPDATE outbox o
SET due_at = statement_timestamp() + $4::interval, tries = o.tries + 1, tried_at = statement_timestamp()
WHERE o.list_id = $1 AND o.notice_id = ANY (ARRAY(
    SELECT x.notice_id FROM outbox x
    WHERE x.list_id = $1 AND coalesce(x.webhook_id, '') = $2 AND x.status = 'pending'
        AND x.due_at <= statement_timestamp()
    ORDER BY x.due_at LIMIT $3
    FOR UPDATE SKIP LOCKED
))
RETURNING o.notice_id, o.webhook_id, o.type, o.number, o.body, o.created_at, o.tries, o.tried_at
