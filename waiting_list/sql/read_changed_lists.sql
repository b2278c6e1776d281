-- Of some lists that are watched, those that are no longer what they were: their version and end, and the
-- segments in which somebody waits. Locks nothing.
SELECT w.list_id, i.last_sequence AS version, least(i.closes_at, r.start_datetime) AS ends_at,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_array(s.segment, s.waiting, s.tickets, s.changed)
            ORDER BY s.segment), '[]')
        FROM segments s WHERE s.list_id = w.list_id AND s.bits = $4 AND s.waiting > 0
    ) AS segments
FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS w (list_id, version, ends_at)
JOIN inventory i ON i.list_id = w.list_id
JOIN representations r ON r.representation_id = i.representation_id
WHERE i.last_sequence IS DISTINCT FROM w.version OR least(i.closes_at, r.start_datetime) IS DISTINCT FROM w.ends_at
