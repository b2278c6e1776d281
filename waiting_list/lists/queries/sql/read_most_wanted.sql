-- Read the lists of one organization, or of one of its events, that most tickets are wanted of: at most $3.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, v.title AS event_title, o.name AS offer_name, r.start_datetime,
    v.timezone, i.waiting, i.tickets_waiting, i.held,
    (SELECT coalesce(sum(c.tickets_bought), 0)::bigint FROM counted_periods c WHERE c.list_id = i.list_id) AS tickets_bought
FROM inventory i
JOIN events v ON v.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
WHERE i.organization_id = $1 AND ($2::text IS NULL OR i.event_id = $2) AND i.tickets_waiting > 0
ORDER BY i.tickets_waiting DESC, i.offer_id, i.representation_id LIMIT $3
