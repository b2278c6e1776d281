-- Read all entries that read_entries reads page by page, in the same order, for a cursor. Count positions on the way, so
-- that no list is sorted: its parts are merged in the order of their indexes. Read contacts only with $11. Locks nothing.
SELECT i.list_id, i.offer_id, i.representation_id, i.event_id, e.user_id, e.status, e.left_reason,
    e.tickets_wanted, e.tickets_minimum, e.tickets_held, e.number, e.rank,
    CASE WHEN e.in_line AND i.is_drawn THEN e.position END AS position,
    CASE WHEN e.in_line AND i.is_drawn THEN e.tickets - e.tickets_wanted + e.tickets_held END AS tickets_ahead, e.joined_at, e.ready_at,
    CASE WHEN e.status = 'left' AND e.ready_until IS NOT NULL THEN e.ready_until
        WHEN e.ready_at IS NOT NULL THEN least(e.ready_until, i.closes_at, i.start_datetime, i.cancelled_at) END AS ready_until,
    e.left_at, e.keep_waiting_for_rest, e.paused_at, e.wish_id, e.set_aside_at, e.address_failed, i.timezone,
    CASE WHEN $11::boolean THEN (SELECT c.name FROM contacts c WHERE c.list_id = i.list_id AND c.number = e.number) END AS name,
    CASE WHEN $11::boolean THEN (SELECT c.email FROM contacts c WHERE c.list_id = i.list_id AND c.number = e.number) END AS email
FROM (
    SELECT l.list_id, l.offer_id, l.representation_id, l.event_id, l.closes_at, r.start_datetime, r.cancelled_at, v.timezone,
        l.order = 'arrival' OR l.drawn_at IS NOT NULL AS is_drawn
    FROM inventory l
    JOIN representations r ON r.representation_id = l.representation_id
    JOIN events v ON v.event_id = l.event_id
    WHERE l.organization_id = $1
        AND ($3::text[] IS NULL OR l.event_id = ANY ($3))
        AND ($4::text[] IS NULL OR l.offer_id = ANY ($4))
        AND ($5::text[] IS NULL OR l.representation_id = ANY ($5))
    ORDER BY l.list_id
) AS i
CROSS JOIN LATERAL (
    SELECT x.user_id, x.status, x.left_reason, x.tickets_wanted, x.tickets_minimum, x.tickets_held, x.number, x.rank,
        x.joined_at, x.ready_at, x.ready_until, x.left_at, x.keep_waiting_for_rest, x.paused_at, x.wish_id, x.set_aside_at, x.address_failed, x.in_line,
        count(*) FILTER (WHERE x.in_line) OVER line AS position,
        sum(x.tickets_wanted - x.tickets_held) FILTER (WHERE x.in_line) OVER line AS tickets
    FROM (
        (SELECT a.*, true AS in_line FROM entries a WHERE a.list_id = i.list_id AND a.status = 'waiting'
            ORDER BY a.rank, a.number)
        UNION ALL
        (SELECT a.*, a.keep_waiting_for_rest AND a.tickets_held < a.tickets_wanted
            FROM entries a WHERE a.list_id = i.list_id AND a.status = 'ready'
            ORDER BY a.rank, a.number)
        UNION ALL
        (SELECT a.*, false FROM entries a WHERE a.list_id = i.list_id AND a.status = 'left' AND a.left_reason = 'bought'
            ORDER BY a.rank, a.number)
        UNION ALL
        (SELECT a.*, false FROM entries a WHERE a.list_id = i.list_id AND a.status = 'left' AND a.left_reason = 'cancelled'
            ORDER BY a.rank, a.number)
        UNION ALL
        (SELECT a.*, false FROM entries a WHERE a.list_id = i.list_id AND a.status = 'left' AND a.left_reason = 'expired'
            ORDER BY a.rank, a.number)
        UNION ALL
        (SELECT a.*, false FROM entries a WHERE a.list_id = i.list_id AND a.status = 'left' AND a.left_reason = 'removed'
            ORDER BY a.rank, a.number)
        UNION ALL
        (SELECT a.*, false FROM entries a WHERE a.list_id = i.list_id AND a.status = 'left' AND a.left_reason = 'ended'
            ORDER BY a.rank, a.number)
    ) AS x
    WINDOW line AS (ORDER BY x.rank, x.number ROWS UNBOUNDED PRECEDING)
) AS e
WHERE ($2::text[] IS NULL OR e.user_id = ANY ($2))
    AND ($6::text[] IS NULL OR e.status = ANY ($6))
    AND ($7::text[] IS NULL OR e.left_reason = ANY ($7))
    AND ($8::timestamptz IS NULL OR e.joined_at < $8)
    AND ($9::timestamptz IS NULL OR e.joined_at >= $9)
    AND ($10::boolean IS NOT TRUE OR e.paused_at IS NOT NULL)
