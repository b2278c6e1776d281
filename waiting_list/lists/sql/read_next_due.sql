-- Read the seconds until the next hold expires, list ends, grace of $1 is over, or free tickets have waited too long for the
-- first in line; null if there is none. Locks nothing.
SELECT extract(epoch FROM least(
    (SELECT e.ready_until FROM entries e
        JOIN inventory i ON i.list_id = e.list_id
        JOIN representations r ON r.representation_id = i.representation_id
        WHERE e.status = 'ready' AND e.ready_until IS NOT NULL
            AND least(i.closes_at, r.start_datetime, r.cancelled_at) > statement_timestamp()
        ORDER BY e.ready_until LIMIT 1),
    (SELECT i.idle_until FROM inventory i WHERE i.idle_until > statement_timestamp() ORDER BY i.idle_until LIMIT 1),
    (SELECT min(CASE
            WHEN i.ended_at IS NULL OR i.ended_at < m.ends_at THEN m.ends_at
            WHEN i.waiting > 0 OR i.held > 0 THEN i.ended_at + $1::interval
        END)
        FROM inventory i
        JOIN representations r ON r.representation_id = i.representation_id
        CROSS JOIN LATERAL (SELECT least(i.closes_at, r.start_datetime, r.cancelled_at) AS ends_at) AS m)
) - clock_timestamp())::float8
