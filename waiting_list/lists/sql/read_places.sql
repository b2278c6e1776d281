-- Read the positions of some waiting entries of one list, and the tickets ahead of them.
-- Locks nothing: runs under the list's lock.
SELECT s.number, s.position, s.tickets_ahead
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
) AS s
WHERE s.number = ANY ($2::bigint[])
