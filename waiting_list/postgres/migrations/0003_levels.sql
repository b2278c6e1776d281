-- Segments at three levels, so that a position costs the same at the head of a list and behind a million.

-- A row now says of how many ranks it is: those that share rank >> bits. 32 of one level make one of the next.
-- The service is stopped while its schema changes, and the table is small: a row for a thousand entries.
ALTER TABLE segments ADD COLUMN bits smallint NOT NULL DEFAULT 30;
-- squawk-ignore ban-drop-default
ALTER TABLE segments ALTER COLUMN bits DROP DEFAULT;
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX segments_by_level ON segments (list_id, bits, segment);
-- squawk-ignore ban-drop-constraint
ALTER TABLE segments DROP CONSTRAINT segments_pkey,
    ADD CONSTRAINT segments_pkey PRIMARY KEY USING INDEX segments_by_level;

INSERT INTO segments (list_id, bits, segment, waiting, tickets)
SELECT e.list_id, l.bits, e.rank >> l.bits, count(*), sum(e.tickets_wanted)
FROM entries e CROSS JOIN (VALUES (25), (35)) AS l (bits)
WHERE e.status = 'waiting'
GROUP BY e.list_id, l.bits, e.rank >> l.bits;

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
    SELECT 1 + coalesce(sum(before.waiting), 0)::bigint AS position,
        coalesce(sum(before.tickets), 0)::bigint AS tickets_ahead
    FROM (
        SELECT s.waiting, s.tickets FROM segments s
        WHERE s.list_id = e.list_id AND s.bits = 35 AND s.segment < e.rank >> 35
        UNION ALL
        SELECT s.waiting, s.tickets FROM segments s
        WHERE s.list_id = e.list_id AND s.bits = 30
            AND s.segment >= (e.rank >> 35) << 5 AND s.segment < e.rank >> 30
        UNION ALL
        SELECT s.waiting, s.tickets FROM segments s
        WHERE s.list_id = e.list_id AND s.bits = 25
            AND s.segment >= (e.rank >> 30) << 5 AND s.segment < e.rank >> 25
        UNION ALL
        SELECT 1, x.tickets_wanted FROM entries x
        WHERE x.list_id = e.list_id AND x.status = 'waiting'
            AND x.rank >= (e.rank >> 25) << 25 AND x.rank < e.rank
    ) AS before
) AS p ON e.status = 'waiting';
