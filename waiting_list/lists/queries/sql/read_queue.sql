-- Read the counts of one list, and its segments of $2 bits that changed since version $3 (-1: all) or are not before
-- segment $4, one array a column. The segment of five bits more tells if one of its 32 has changed. Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, i.last_sequence AS version, i.waiting, i.tickets_waiting,
    i.available_stock - i.held AS free, i.last_rank,
    CASE WHEN i.order = 'draw' AND i.drawn_at IS NULL THEN i.draw_at END AS draws_at,
    (SELECT h.at FROM history h WHERE h.list_id = $1 AND h.sequence = i.last_sequence) AS changed_at,
    (SELECT h.at FROM history h WHERE h.list_id = $1 AND h.sequence = $3) AS known_at,
    q.segments, q.segments_waiting, q.segments_tickets, q.segments_changed
FROM inventory i
CROSS JOIN LATERAL (
    SELECT array_agg(s.segment ORDER BY s.segment) AS segments,
        array_agg(s.waiting ORDER BY s.segment) AS segments_waiting,
        array_agg(s.tickets ORDER BY s.segment) AS segments_tickets,
        array_agg(s.changed ORDER BY s.segment) AS segments_changed
    FROM segments p
    JOIN segments s ON s.list_id = $1 AND s.bits = $2 AND s.segment BETWEEN p.segment << 5 AND (p.segment << 5) + 31
    WHERE p.list_id = $1 AND p.bits = $2 + 5 AND (p.changed > $3 OR p.segment >= $4::bigint >> 5)
        AND (s.changed > $3 OR s.segment >= $4) AND (s.waiting > 0 OR $3 >= 0)
) AS q
WHERE i.list_id = $1
