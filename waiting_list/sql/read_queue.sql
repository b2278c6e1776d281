-- The picture of one list's whole queue: its counts, and those of its segments in order.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, i.last_sequence AS version, i.waiting, i.tickets_waiting,
    i.available_stock - i.held AS free,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_array(s.segment, s.waiting, s.tickets, s.changed)
            ORDER BY s.segment), '[]')
        FROM segments s WHERE s.list_id = $1 AND s.bits = $2 AND s.waiting > 0
    ) AS segments
FROM inventory i WHERE i.list_id = $1
