-- Read the deployment metrics, each count by itself, because Citus joins no counts of several tables.
-- Locks nothing.
WITH i AS MATERIALIZED (
    SELECT count(*) AS lists, coalesce(sum(v.waiting), 0) AS waiting_entries, coalesce(sum(v.held), 0) AS held_tickets
    FROM inventory v
),
e AS MATERIALIZED (
    SELECT count(*) AS ready_entries, min(r.ready_until) AS first_until FROM entries r WHERE r.status = 'ready'
),
o AS MATERIALIZED (
    SELECT count(*) AS pending_notices, min(n.due_at) AS first_due FROM outbox n WHERE n.status = 'pending'
),
d AS MATERIALIZED (
    SELECT count(*) AS dead_notices FROM outbox n WHERE n.status = 'dead'
)
SELECT i.lists, i.waiting_entries, i.held_tickets, e.ready_entries,
    coalesce(greatest(0, extract(epoch FROM clock_timestamp() - e.first_until)), 0)::float8 AS oldest_due_hold_seconds,
    o.pending_notices,
    coalesce(greatest(0, extract(epoch FROM clock_timestamp() - o.first_due)), 0)::float8 AS oldest_due_notice_seconds,
    d.dead_notices,
    coalesce(a.lists, 0) AS audit_lists,
    coalesce(a.differences, 0) AS audit_differences,
    coalesce(extract(epoch FROM a.ended_at)::float8, 0) AS audit_timestamp_seconds
FROM i CROSS JOIN e CROSS JOIN o CROSS JOIN d
LEFT JOIN LATERAL (SELECT b.lists, b.differences, b.ended_at FROM audits b ORDER BY b.ended_at DESC LIMIT 1) AS a ON true
