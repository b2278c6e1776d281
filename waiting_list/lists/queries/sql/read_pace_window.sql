-- Since when the pace of a list is looked at: when its first fan joined, or two weeks ago; now, where nobody has.
-- Locks nothing.
SELECT greatest(coalesce(e.joined_at, c.now), c.now - interval '14 days') AS since, c.now
FROM (SELECT clock_timestamp() AS now) AS c
CROSS JOIN inventory i
LEFT JOIN entries e ON e.list_id = i.list_id AND e.number = 1
WHERE i.list_id = $1
