-- Read the newest entry of each of these users in one list, as clients see it. A user without an entry gets a row of
-- nulls. Return no row if there is no such list. Locks nothing.
SELECT u.user_id AS asked_for, i.organization_id, s.offer_id, s.representation_id, s.event_id, s.user_id,
    s.status, s.left_reason, s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position,
    s.tickets_ahead, s.joined_at, s.ready_at, s.ready_until, s.left_at
FROM inventory i
CROSS JOIN unnest($2::text[]) AS u (user_id)
LEFT JOIN LATERAL (
    SELECT x.offer_id, x.representation_id, x.event_id, x.user_id, x.status, x.left_reason, x.tickets_wanted,
        x.tickets_minimum, x.tickets_held, x.number, x.rank, x.position, x.tickets_ahead, x.joined_at, x.ready_at,
        x.ready_until, x.left_at
    FROM shown_entries x
    WHERE x.list_id = $1 AND x.number = (
        SELECT e.number FROM entries e WHERE e.list_id = $1 AND e.user_id = u.user_id ORDER BY e.number DESC LIMIT 1
    )
    LIMIT 1
) AS s ON true
WHERE i.list_id = $1
