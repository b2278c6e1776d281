-- Read the entries of some users, or of all, in the lists of one organization, filtered, list by list and by rank, or with
-- $15 by number. Locks nothing.
SELECT s.list_id, s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at, s.keep_waiting_for_rest, s.paused_at, s.wish_id, s.set_aside_at,
    x.unverified, x.passed_over, x.address_failed, l.skip_failed_addresses, l.available_stock - l.held AS free,
    least(o.max_quantity_per_order, l.total_stock) AS most_held, l.verify_email, l.automatic, l.policy,
    CASE WHEN l.order = 'draw' AND l.drawn_at IS NULL THEN l.draw_at END AS draws_at
FROM (
    SELECT e.list_id, e.number
    FROM entries e
    JOIN inventory i ON i.list_id = e.list_id
    WHERE i.organization_id = $1 AND ($2::text[] IS NULL OR e.user_id = ANY ($2))
        AND ($3::text[] IS NULL OR i.event_id = ANY ($3))
        AND ($4::text[] IS NULL OR i.offer_id = ANY ($4))
        AND ($5::text[] IS NULL OR i.representation_id = ANY ($5))
        AND ($6::text[] IS NULL OR e.status = ANY ($6))
        AND ($7::text[] IS NULL OR e.left_reason = ANY ($7))
        AND ($8::timestamptz IS NULL OR e.joined_at < $8)
        AND ($9::timestamptz IS NULL OR e.joined_at >= $9)
        AND ($10::boolean IS NOT TRUE OR e.paused_at IS NOT NULL)
        AND ($11::uuid IS NULL OR (e.list_id, CASE WHEN $15 THEN e.number ELSE e.rank END, e.number)
            > ($11, $12::bigint, $13::bigint))
    ORDER BY e.list_id, CASE WHEN $15::boolean THEN e.number ELSE e.rank END, e.number LIMIT $14
) AS page
JOIN shown_entries s ON s.list_id = page.list_id AND s.number = page.number
JOIN entries x ON x.list_id = page.list_id AND x.number = page.number
JOIN inventory l ON l.list_id = page.list_id
JOIN offers o ON o.offer_id = l.offer_id
ORDER BY s.list_id, CASE WHEN $15 THEN s.number ELSE s.rank END, s.number
