-- The newest entry of one user in one list, as clients see it; a row of nulls if there never was one,
-- no row if there is no such list. Locks nothing.
SELECT i.organization_id, s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at
FROM inventory i
LEFT JOIN LATERAL (
    SELECT e.number FROM entries e WHERE e.list_id = $1 AND e.user_id = $2 ORDER BY e.number DESC LIMIT 1
) AS newest ON true
LEFT JOIN shown_entries s ON s.list_id = $1 AND s.number = newest.number
WHERE i.list_id = $1
