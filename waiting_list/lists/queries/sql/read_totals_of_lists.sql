-- Read what the lists of one organization, or of one of its events, hold now, and how many of their changes are not counted.
-- Locks nothing.
SELECT count(*) AS lists, coalesce(sum(i.waiting), 0)::bigint AS waiting,
    coalesce(sum(i.tickets_waiting), 0)::bigint AS tickets_waiting, coalesce(sum(i.held), 0)::bigint AS held,
    coalesce(sum(i.last_sequence - coalesce(least(l.sequence, l.held_sequence), 0)), 0)::bigint AS uncounted
FROM inventory i
LEFT JOIN counted_lists l ON l.list_id = i.list_id
WHERE i.organization_id = $1 AND ($2::text IS NULL OR i.event_id = $2)
