-- Read entries of one organization, filtered, list by list and by rank. Each state, and each reason for leaving, has an
-- index of its own in this order: the statement reads each to the end of the page only. Locks nothing.
SELECT s.list_id, s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at, s.keep_waiting_for_rest, s.paused_at, s.wish_id, s.set_aside_at,
    x.unverified, x.passed_over, x.address_failed, l.skip_failed_addresses, l.available_stock - l.held AS free,
    least(o.max_quantity_per_order, l.total_stock) AS most_held, l.verify_email, l.automatic, l.policy,
    CASE WHEN l.order = 'draw' AND l.drawn_at IS NULL THEN l.draw_at END AS draws_at
FROM (
    SELECT i.list_id, x.rank, x.number
    FROM inventory i
    CROSS JOIN LATERAL (
        SELECT CASE WHEN i.list_id = $10 THEN $11::bigint ELSE -9223372036854775808 END AS rank,
            CASE WHEN i.list_id = $10 THEN $12::bigint ELSE 0 END AS number
    ) AS after
    CROSS JOIN LATERAL (
        SELECT a.rank, a.number
        FROM (SELECT DISTINCT u.status FROM unnest(coalesce($5::text[], '{waiting,ready}')) AS u (status)) AS k
        CROSS JOIN LATERAL (
            SELECT e.rank, e.number FROM entries e
            WHERE e.list_id = i.list_id AND e.status = k.status AND e.status <> 'left' AND $6::text[] IS NULL
                AND (e.rank, e.number) > (after.rank, after.number)
                AND ($7::timestamptz IS NULL OR e.joined_at < $7)
                AND ($8::timestamptz IS NULL OR e.joined_at >= $8)
                AND ($9::boolean IS NOT TRUE OR e.paused_at IS NOT NULL)
            ORDER BY e.rank, e.number LIMIT $13
        ) AS a
        UNION ALL
        SELECT l.rank, l.number
        FROM (
            SELECT DISTINCT u.left_reason
            FROM unnest(coalesce($6::text[], '{bought,cancelled,expired,removed,ended}')) AS u (left_reason)
        ) AS k
        CROSS JOIN LATERAL (
            SELECT e.rank, e.number FROM entries e
            WHERE e.list_id = i.list_id AND e.status = 'left' AND e.left_reason = k.left_reason
                AND ($5::text[] IS NULL OR 'left' = ANY ($5)) AND (e.rank, e.number) > (after.rank, after.number)
                AND ($7::timestamptz IS NULL OR e.joined_at < $7)
                AND ($8::timestamptz IS NULL OR e.joined_at >= $8)
                AND ($9::boolean IS NOT TRUE OR e.paused_at IS NOT NULL)
            ORDER BY e.rank, e.number LIMIT $13
        ) AS l
        ORDER BY rank, number LIMIT $13
    ) AS x
    WHERE i.organization_id = $1 AND ($10::uuid IS NULL OR i.list_id >= $10)
        AND ($2::text[] IS NULL OR i.event_id = ANY ($2))
        AND ($3::text[] IS NULL OR i.offer_id = ANY ($3))
        AND ($4::text[] IS NULL OR i.representation_id = ANY ($4))
    ORDER BY i.list_id, x.rank, x.number LIMIT $13
) AS page
JOIN shown_entries s ON s.list_id = page.list_id AND s.number = page.number
JOIN entries x ON x.list_id = page.list_id AND x.number = page.number
JOIN inventory l ON l.list_id = page.list_id
JOIN offers o ON o.offer_id = l.offer_id
ORDER BY s.list_id, s.rank, s.number
