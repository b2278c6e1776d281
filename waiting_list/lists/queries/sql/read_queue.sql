-- Read the queue snapshot of one list: its counts, and those of its segments in order, one array a column.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, i.last_sequence AS version, i.waiting, i.tickets_waiting,
    i.available_stock - i.held AS free, q.segments, q.segments_waiting, q.segments_tickets, q.segments_changed
FROM inventory i
CROSS JOIN LATERAL (
    SELECT array_agg(s.segment ORDER BY s.segment) AS segments,
        array_agg(s.waiting ORDER BY s.segment) AS segments_waiting,
        array_agg(s.tickets ORDER BY s.segment) AS segments_tickets,
        array_agg(s.changed ORDER BY s.segment) AS segments_changed
    FROM segments s WHERE s.list_id = $1 AND s.bits = $2 AND s.waiting > 0
) AS q
WHERE i.list_id = $1
