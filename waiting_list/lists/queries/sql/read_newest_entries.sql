-- Read the newest entry of each of these users in one list, as clients see it. A user without an entry gets a row of
-- nulls. Return no row if there is no such list. Locks nothing.
SELECT u.user_id AS asked_for, i.organization_id, s.offer_id, s.representation_id, s.event_id, s.user_id,
    s.status, s.left_reason, s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position,
    s.tickets_ahead, s.joined_at, s.ready_at, s.ready_until, s.left_at, s.keep_waiting_for_rest, s.paused_at, s.wish_id, s.set_aside_at,
    w.unverified, w.passed_over, w.address_failed, i.skip_failed_addresses, i.available_stock - i.held AS free,
    least(o.max_quantity_per_order, i.total_stock) AS most_held, i.verify_email, i.automatic, i.policy,
    CASE WHEN i.order = 'draw' AND i.drawn_at IS NULL THEN i.draw_at END AS draws_at
FROM inventory i
JOIN offers o ON o.offer_id = i.offer_id
CROSS JOIN unnest($2::text[]) AS u (user_id)
LEFT JOIN LATERAL (
    SELECT e.number, e.unverified, e.passed_over, e.address_failed FROM entries e
    WHERE e.list_id = $1 AND e.user_id = u.user_id
    ORDER BY e.left_at DESC, e.number DESC LIMIT 1
) AS w ON true
LEFT JOIN LATERAL (
    SELECT x.offer_id, x.representation_id, x.event_id, x.user_id, x.status, x.left_reason, x.tickets_wanted,
        x.tickets_minimum, x.tickets_held, x.number, x.rank, x.position, x.tickets_ahead, x.joined_at, x.ready_at,
        x.ready_until, x.left_at, x.keep_waiting_for_rest, x.paused_at, x.wish_id,
        x.set_aside_at
    FROM (
        -- shown_entries of $1
        SELECT e.list_id, e.number, i.organization_id, i.offer_id, i.representation_id, i.event_id, e.user_id,
            e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held, e.rank,
            p.position, p.tickets_ahead, e.joined_at, e.ready_at,
            CASE WHEN e.status = 'left' AND e.ready_until IS NOT NULL THEN e.ready_until
                WHEN e.ready_at IS NOT NULL THEN least(e.ready_until, i.closes_at, r.start_datetime, r.cancelled_at) END
                AS ready_until,
            e.left_at, e.keep_waiting_for_rest, e.paused_at, e.wish_id, e.set_aside_at
        FROM entries e
        JOIN inventory i ON i.list_id = $1
        JOIN representations r ON r.representation_id = i.representation_id
        LEFT JOIN LATERAL (
            SELECT 1 + coalesce(sum(before.waiting), 0)::bigint AS position,
                coalesce(sum(before.tickets), 0)::bigint AS tickets_ahead
            FROM (
                SELECT s.waiting, s.tickets FROM segments s
                WHERE s.list_id = $1 AND s.bits = 35 AND s.segment < e.rank >> 35
                UNION ALL
                SELECT s.waiting, s.tickets FROM segments s
                WHERE s.list_id = $1 AND s.bits = 30
                    AND s.segment >= (e.rank >> 35) << 5 AND s.segment < e.rank >> 30
                UNION ALL
                SELECT s.waiting, s.tickets FROM segments s
                WHERE s.list_id = $1 AND s.bits = 25
                    AND s.segment >= (e.rank >> 30) << 5 AND s.segment < e.rank >> 25
                UNION ALL
                SELECT 1, x.tickets_wanted FROM entries x
                WHERE x.list_id = $1 AND x.status = 'waiting'
                    AND x.rank >= (e.rank >> 25) << 25 AND x.rank < e.rank
                UNION ALL
                SELECT 1, x.tickets_wanted - x.tickets_held FROM entries x
                WHERE x.list_id = $1 AND x.status = 'ready' AND x.keep_waiting_for_rest
                    AND x.tickets_held < x.tickets_wanted AND x.rank >= (e.rank >> 25) << 25 AND x.rank < e.rank
            ) AS before
        ) AS p ON (i.order = 'arrival' OR i.drawn_at IS NOT NULL)
            AND (e.status = 'waiting'
                OR e.status = 'ready' AND e.keep_waiting_for_rest AND e.tickets_held < e.tickets_wanted)
        WHERE e.list_id = $1
        -- end of shown_entries
    ) AS x
    WHERE x.number = w.number
    LIMIT 1
) AS s ON true
WHERE i.list_id = $1
