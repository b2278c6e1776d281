-- Read the deployment metrics.
-- Locks nothing.
SELECT
    i.lists, i.waiting_entries, i.held_tickets,
    (SELECT count(*) FROM entries e WHERE e.status = 'ready') AS ready_entries,
    coalesce((
        SELECT greatest(0, extract(epoch FROM n.now - min(e.ready_until)))::float8
        FROM entries e WHERE e.status = 'ready' AND e.ready_until <= n.now
    ), 0) AS oldest_due_hold_seconds,
    (SELECT count(*) FROM outbox o WHERE o.status = 'pending') AS pending_notices,
    coalesce((
        SELECT greatest(0, extract(epoch FROM n.now - min(o.due_at)))::float8
        FROM outbox o WHERE o.status = 'pending' AND o.due_at <= n.now
    ), 0) AS oldest_due_notice_seconds,
    (SELECT count(*) FROM outbox o WHERE o.status = 'dead') AS dead_notices,
    coalesce(a.lists, 0) AS audit_lists,
    coalesce(a.differences, 0) AS audit_differences,
    coalesce(extract(epoch FROM a.ended_at)::float8, 0) AS audit_timestamp_seconds
FROM (SELECT clock_timestamp() AS now) AS n
CROSS JOIN (
    SELECT count(*) AS lists, coalesce(sum(v.waiting), 0) AS waiting_entries, coalesce(sum(v.held), 0) AS held_tickets
    FROM inventory v
) AS i
LEFT JOIN LATERAL (SELECT b.lists, b.differences, b.ended_at FROM audits b ORDER BY b.ended_at DESC LIMIT 1) AS a ON true
