-- Read the lists that are due: a hold lapsed (expire), it ended $1 ago (end), goes on (resume), has news (catch_up), opened
-- (tell_alerts), lots of drand's or of $2 ago are to be drawn (draw_by_clock), or free tickets waited too long and fit a fan (idle). Locks nothing. One clock, so that indexes serve it.
SELECT i.offer_id, i.representation_id, d.verb, i.draw_at, i.draw_source,
    i.draw_at + $2::interval <= statement_timestamp() AS falls_back
FROM (
    SELECT DISTINCT e.list_id, 'expire' AS verb FROM entries e
    WHERE e.status = 'ready' AND e.ready_until <= statement_timestamp()
    UNION ALL
    SELECT DISTINCT n.list_id, 'catch_up' FROM list_news n
    UNION ALL
    SELECT p.list_id, 'tell_alerts' FROM openings p
    UNION ALL
    SELECT i.list_id, 'draw_by_clock' FROM inventory i
    WHERE i.order = 'draw' AND i.drawn_at IS NULL
        AND (i.draw_at + $2::interval <= statement_timestamp()
            OR i.draw_source = 'drand' AND i.draw_at <= statement_timestamp())
    UNION ALL
    SELECT i.list_id, 'idle' FROM inventory i
    JOIN offers o ON o.offer_id = i.offer_id
    WHERE i.idle_until <= statement_timestamp() AND (EXISTS (
        SELECT FROM entries e
        WHERE e.list_id = i.list_id AND e.status = 'waiting' AND NOT (i.verify_email AND e.unverified)
            AND NOT (i.skip_failed_addresses AND e.address_failed) AND e.paused_at IS NULL
            AND e.set_aside_at IS NULL
            AND e.tickets_minimum <= least(i.available_stock - i.held, o.max_quantity_per_order, i.total_stock)
    ) OR EXISTS (
        SELECT FROM entries e
        WHERE e.list_id = i.list_id AND e.status = 'ready' AND e.keep_waiting_for_rest
            AND e.tickets_held < e.tickets_wanted AND e.tickets_held < least(o.max_quantity_per_order, i.total_stock)
            AND (e.ready_until IS NULL OR e.ready_until > statement_timestamp())
    ))
    UNION ALL
    SELECT i.list_id, CASE WHEN m.ends_at <= statement_timestamp() THEN 'end' ELSE 'resume' END
    FROM inventory i
    JOIN representations r ON r.representation_id = i.representation_id
    CROSS JOIN LATERAL (SELECT least(i.closes_at, r.start_datetime, r.cancelled_at) AS ends_at) AS m
    WHERE m.ends_at <= statement_timestamp()
        AND (i.ended_at IS NULL OR i.ended_at < m.ends_at
            OR (i.waiting > 0 OR i.held > 0) AND i.ended_at + $1::interval <= statement_timestamp())
        OR m.ends_at > statement_timestamp() AND i.ended_at IS NOT NULL
) AS d
JOIN inventory i ON i.list_id = d.list_id
JOIN representations r ON r.representation_id = i.representation_id
WHERE
    -- Holds of a list that has ended do not expire, and nobody is served, because `end` takes out all of its entries.
    d.verb NOT IN ('expire', 'idle', 'draw_by_clock') OR least(i.closes_at, r.start_datetime, r.cancelled_at) > statement_timestamp()
