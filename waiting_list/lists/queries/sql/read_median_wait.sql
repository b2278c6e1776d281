-- Compute the median wait, in seconds, of the entries of one list that became ready.
-- Locks nothing.
SELECT extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY e.ready_at - e.joined_at))::float8
FROM entries e WHERE e.list_id = $1 AND e.ready_at IS NOT NULL
