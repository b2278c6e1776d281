-- Read the lists that ended longer ago than $1 and are not pruned, the first to end first.
-- Locks nothing: maintenance then locks each list. It reads the clock once, so that the index serves it.
SELECT i.offer_id, i.representation_id
FROM inventory i
CROSS JOIN LATERAL (
    SELECT x.start_datetime, x.cancelled_at FROM representations x WHERE x.representation_id = i.representation_id LIMIT 1
) AS r
WHERE i.ended_at IS NOT NULL AND (i.pruned_at IS NULL OR i.pruned_at < i.ended_at)
    AND i.ended_at <= statement_timestamp() - $1::interval
    AND i.ended_at >= least(i.closes_at, r.start_datetime, r.cancelled_at) AND i.waiting = 0 AND i.held = 0
ORDER BY i.ended_at LIMIT $2
