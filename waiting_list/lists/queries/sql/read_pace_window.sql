-- Read the start of the window for throughput: the first join, or two weeks ago if that is later; now without a join.
-- Locks nothing.
SELECT greatest(coalesce(e.joined_at, c.now), c.now - interval '14 days') AS since, c.now
FROM (SELECT clock_timestamp() AS now) AS c
CROSS JOIN inventory i
LEFT JOIN entries e ON e.list_id = i.list_id AND e.number = 1
WHERE i.list_id = $1
