-- The median wait of those who became ready in one list, in seconds.
-- Locks nothing.
SELECT extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY e.ready_at - e.joined_at))::float8
FROM entries e WHERE e.list_id = $1 AND e.ready_at IS NOT NULL
