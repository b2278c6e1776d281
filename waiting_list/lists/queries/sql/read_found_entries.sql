-- Read entries of several lists by list and number, each with its show.
-- Locks nothing.
SELECT s.list_id, s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at, s.keep_waiting_for_rest, s.paused_at, s.wish_id, s.set_aside_at,
    x.unverified, x.passed_over, x.address_failed, l.skip_failed_addresses, l.available_stock - l.held AS free,
    least(o.max_quantity_per_order, l.total_stock) AS most_held, l.verify_email, l.automatic, l.policy,
    CASE WHEN l.order = 'draw' AND l.drawn_at IS NULL THEN l.draw_at END AS draws_at,
    v.title AS event_title, v.timezone, o.name AS offer_name, r.start_datetime
FROM unnest($1::uuid[], $2::bigint[]) AS page (list_id, number)
JOIN shown_entries s ON s.list_id = page.list_id AND s.number = page.number
JOIN entries x ON x.list_id = s.list_id AND x.number = s.number
JOIN inventory l ON l.list_id = s.list_id
JOIN offers o ON o.offer_id = l.offer_id
JOIN events v ON v.event_id = l.event_id
JOIN representations r ON r.representation_id = l.representation_id
