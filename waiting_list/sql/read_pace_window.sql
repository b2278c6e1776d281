-- Since when the pace of a list is looked at: its first change, or two weeks ago.
-- Locks nothing.
SELECT greatest(h.at, c.now - interval '14 days') AS since, c.now
FROM history h, (SELECT clock_timestamp() AS now) AS c
WHERE h.list_id = $1 AND h.sequence = 1
