-- Read those of the given lists whose version or end has changed. Return the new version and end, and the segments with
-- waiting entries, one array a column. Locks nothing.
SELECT w.list_id, i.last_sequence AS version, least(i.closes_at, r.start_datetime, r.cancelled_at) AS ends_at,
    q.segments, q.segments_waiting, q.segments_tickets, q.segments_changed
FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS w (list_id, version, ends_at)
JOIN inventory i ON i.list_id = w.list_id
JOIN representations r ON r.representation_id = i.representation_id
CROSS JOIN LATERAL (
    SELECT array_agg(s.segment ORDER BY s.segment) AS segments,
        array_agg(s.waiting ORDER BY s.segment) AS segments_waiting,
        array_agg(s.tickets ORDER BY s.segment) AS segments_tickets,
        array_agg(s.changed ORDER BY s.segment) AS segments_changed
    FROM segments s WHERE s.list_id = i.list_id AND s.bits = $4 AND s.waiting > 0
) AS q
WHERE i.last_sequence IS DISTINCT FROM w.version OR least(i.closes_at, r.start_datetime, r.cancelled_at) IS DISTINCT FROM w.ends_at
