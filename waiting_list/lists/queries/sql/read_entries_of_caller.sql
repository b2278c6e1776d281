-- All entries of one user of one organization, the newest first.
-- Locks nothing.
SELECT s.list_id, s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at, s.keep_waiting_for_rest, s.paused_at, s.wish_id, s.set_aside_at
FROM (
    SELECT e.list_id, e.number
    FROM entries e
    JOIN inventory i ON i.list_id = e.list_id
    WHERE e.user_id = $1 AND i.organization_id = $2
        AND ($3::text[] IS NULL OR e.status = ANY ($3))
        AND ($4::timestamptz IS NULL OR (e.joined_at, e.list_id, e.number) < ($4, $5::uuid, $6::bigint))
    ORDER BY e.joined_at DESC, e.list_id DESC, e.number DESC LIMIT $7
) AS page
JOIN shown_entries s ON s.list_id = page.list_id AND s.number = page.number
ORDER BY s.joined_at DESC, s.list_id DESC, s.number DESC
