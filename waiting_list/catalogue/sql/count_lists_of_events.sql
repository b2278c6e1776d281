-- Count for some events ($2) of one organization their lists, those that are open, and the fans and tickets in them.
-- Locks nothing.
SELECT i.event_id, count(*) AS lists, count(*) FILTER (WHERE i.waiting_list_open) AS open_lists,
    sum(i.waiting)::bigint AS waiting, sum(i.tickets_waiting)::bigint AS tickets_waiting, sum(i.held)::bigint AS held
FROM inventory i
WHERE i.organization_id = $1 AND i.event_id = ANY ($2::text[])
GROUP BY i.event_id
