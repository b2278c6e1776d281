-- Since when the pace of a list is looked at: since somebody waits in it, or for two weeks. While nobody had joined,
-- tickets that came back were no turns. Locks nothing.
SELECT greatest(coalesce(e.joined_at, c.now), c.now - interval '14 days') AS since, c.now
FROM inventory i
CROSS JOIN (SELECT clock_timestamp() AS now) AS c
LEFT JOIN entries e ON e.list_id = i.list_id AND e.number = 1
WHERE i.list_id = $1
