-- The picture of the queue: when a place within a segment last moved.

-- The sequence of the last change in this stretch of ranks that was not a join at the end: while it stays,
-- nobody's place within the segment has moved.
ALTER TABLE segments ADD COLUMN changed bigint NOT NULL DEFAULT 0;

-- A deadline is never shown later than the end of the list, nor is that of a hold that has ended.
CREATE OR REPLACE VIEW shown_entries AS
SELECT e.list_id, e.number, i.organization_id, i.offer_id, i.representation_id, i.event_id, e.user_id,
    e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held, e.rank,
    p.position, p.tickets_ahead, e.joined_at, e.ready_at,
    CASE WHEN e.ready_at IS NOT NULL THEN least(e.ready_until, i.closes_at, r.start_datetime) END
        AS ready_until,
    e.left_at
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN LATERAL (
    SELECT 1 + before.waiting + own.waiting AS position, before.tickets + own.tickets AS tickets_ahead
    FROM (
        SELECT coalesce(sum(s.waiting), 0)::bigint AS waiting, coalesce(sum(s.tickets), 0)::bigint AS tickets
        FROM segments s WHERE s.list_id = e.list_id AND s.segment < e.rank >> 30
    ) AS before,
    (
        SELECT count(*) AS waiting, coalesce(sum(x.tickets_wanted), 0)::bigint AS tickets
        FROM entries x
        WHERE x.list_id = e.list_id AND x.status = 'waiting'
            AND x.rank >= (e.rank >> 30) << 30 AND x.rank < e.rank
    ) AS own
) AS p ON e.status = 'waiting';
