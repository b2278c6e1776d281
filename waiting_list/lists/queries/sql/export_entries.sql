-- Read all entries that read_entries reads page by page, in the same order, for a cursor. One pass counts all positions.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, e.user_id, e.status, e.left_reason,
    e.tickets_wanted, e.tickets_minimum, e.tickets_held, e.number, e.rank, e.position, e.tickets_ahead,
    e.joined_at, e.ready_at,
    CASE WHEN e.ready_at IS NOT NULL THEN least(e.ready_until, i.closes_at, r.start_datetime) END
        AS ready_until,
    e.left_at, v.timezone
FROM inventory i
JOIN representations r ON r.representation_id = i.representation_id
JOIN events v ON v.event_id = i.event_id
CROSS JOIN LATERAL (
    SELECT x.list_id, x.user_id, x.status, x.left_reason, x.tickets_wanted, x.tickets_minimum,
        x.tickets_held, x.number, x.rank, x.joined_at, x.ready_at, x.ready_until, x.left_at,
        CASE WHEN x.status = 'waiting' THEN count(*) OVER line END AS position,
        CASE WHEN x.status = 'waiting' THEN sum(x.tickets_wanted) OVER line - x.tickets_wanted END
            AS tickets_ahead
    FROM entries x WHERE x.list_id = i.list_id
    WINDOW line AS (PARTITION BY x.status ORDER BY x.rank)
) AS e
WHERE i.organization_id = $1
    AND ($2::text[] IS NULL OR e.user_id = ANY ($2))
    AND ($3::text[] IS NULL OR i.event_id = ANY ($3))
    AND ($4::text[] IS NULL OR i.offer_id = ANY ($4))
    AND ($5::text[] IS NULL OR i.representation_id = ANY ($5))
    AND ($6::text[] IS NULL OR e.status = ANY ($6))
    AND ($7::text[] IS NULL OR e.left_reason = ANY ($7))
    AND ($8::timestamptz IS NULL OR e.joined_at < $8)
    AND ($9::timestamptz IS NULL OR e.joined_at > $9)
ORDER BY e.list_id, e.rank, e.number
