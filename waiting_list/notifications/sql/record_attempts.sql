-- Record the results of attempts. A pending notice is due after its delay; without a duration it was no attempt.
-- Skip a notice that has a later attempt. Locks those rows.
UPDATE outbox o
SET status = a.status, answer_status = a.answer_status, answer = a.answer, latency_ms = a.latency_ms,
    tries = CASE WHEN a.status = 'pending' AND a.latency_ms IS NULL THEN o.tries - 1 ELSE o.tries END,
    due_at = CASE WHEN a.status = 'pending' THEN a.retry_at ELSE o.due_at END,
    ended_at = CASE WHEN a.status <> 'pending' THEN a.now END
FROM (
    SELECT u.notice_id, u.tries, u.status, u.answer_status, u.answer, u.latency_ms,
        statement_timestamp() AS now, statement_timestamp() + make_interval(secs => u.seconds) AS retry_at
    FROM unnest($2::uuid[], $3::integer[], $4::text[], $5::float8[], $6::integer[], $7::text[], $8::integer[])
        AS u (notice_id, tries, status, seconds, answer_status, answer, latency_ms)
    OFFSET 0
) AS a
WHERE o.list_id = $1 AND o.notice_id = ANY ($2::uuid[]) AND o.notice_id = a.notice_id AND o.tries = a.tries
    AND o.ended_at IS NULL
