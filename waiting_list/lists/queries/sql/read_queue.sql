-- Read the queue snapshot of one list, as far as it has changed since version $3: its counts, and those of its segments
-- of $2 bits that changed since, or are not before segment $4, in order, one array a column. Version -1 means all. A
-- segment of five bits more holds 32 of them, and tells whether one of them has changed. Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, i.last_sequence AS version, i.waiting, i.tickets_waiting,
    i.available_stock - i.held AS free, i.last_rank, h.at AS changed_at, k.at AS known_at,
    q.segments, q.segments_waiting, q.segments_tickets, q.segments_changed
FROM inventory i
LEFT JOIN history h ON h.list_id = $1 AND h.sequence = i.last_sequence
LEFT JOIN history k ON k.list_id = $1 AND k.sequence = $3
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
