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
    SELECT count(*) AS pending_notices, count(*) FILTER (WHERE n.webhook_id IS NULL) AS pending_emails,
        min(n.due_at) FILTER (WHERE n.webhook_id IS NULL) AS first_email_due,
        min(n.due_at) FILTER (WHERE n.webhook_id IS NOT NULL) AS first_due
    FROM outbox n WHERE n.status = 'pending'
),
m AS MATERIALIZED (
    SELECT max(s.seen_at) AS seen_at, max(s.transport) AS transport FROM mail_seen s
),
d AS MATERIALIZED (
    SELECT count(*) AS dead_notices FROM outbox n WHERE n.status = 'dead'
)
SELECT i.lists, i.waiting_entries, i.held_tickets, e.ready_entries,
    coalesce(greatest(0, extract(epoch FROM clock_timestamp() - e.first_until)), 0)::float8 AS oldest_due_hold_seconds,
    o.pending_notices,
    o.pending_emails,
    -- An e-mail is late only where e-mails are sent.
    coalesce(greatest(0, extract(epoch FROM clock_timestamp() - least(o.first_due,
        CASE WHEN m.seen_at IS NOT NULL THEN o.first_email_due END))), 0)::float8 AS oldest_due_notice_seconds,
    coalesce(extract(epoch FROM m.seen_at)::float8, 0) AS mail_seen_timestamp_seconds,
    m.transport AS mail_transport,
    d.dead_notices,
    coalesce(a.lists, 0) AS audit_lists,
    coalesce(a.differences, 0) AS audit_differences,
    coalesce(extract(epoch FROM a.ended_at)::float8, 0) AS audit_timestamp_seconds
FROM i CROSS JOIN e CROSS JOIN o CROSS JOIN d CROSS JOIN m
LEFT JOIN LATERAL (SELECT b.lists, b.differences, b.ended_at FROM audits b ORDER BY b.ended_at DESC LIMIT 1) AS a ON true
