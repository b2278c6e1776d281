-- Read the seconds until the next hold expires or the next list ends; null if there is neither.
-- Locks nothing.
SELECT extract(epoch FROM least(
    (SELECT min(e.ready_until) FROM entries e WHERE e.status = 'ready'),
    (SELECT min(least(i.closes_at, r.start_datetime)) FROM inventory i
        JOIN representations r ON r.representation_id = i.representation_id
        WHERE i.waiting > 0 OR i.held > 0 OR i.ended_at IS NULL
            OR i.ended_at < least(i.closes_at, r.start_datetime))
) - clock_timestamp())::float8
