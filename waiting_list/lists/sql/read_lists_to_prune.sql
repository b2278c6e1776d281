-- Read the lists that ended longer ago than $1 and $2, or their organization's time if shorter than $1, and are not pruned.
-- Locks nothing: maintenance then locks each list, the first to end first. It reads the clock once, so $2 serves the index.
SELECT i.offer_id, i.representation_id, least($1::interval, z.personal_data_kept_days * interval '1 day') AS kept
FROM inventory i
CROSS JOIN LATERAL (
    SELECT x.start_datetime, x.cancelled_at FROM representations x WHERE x.representation_id = i.representation_id LIMIT 1
) AS r
LEFT JOIN organizations z ON z.organization_id = i.organization_id
WHERE i.ended_at IS NOT NULL AND (i.pruned_at IS NULL OR i.pruned_at < i.ended_at)
    AND i.ended_at <= statement_timestamp() - $2::interval
    AND i.ended_at <= statement_timestamp() - least($1::interval, z.personal_data_kept_days * interval '1 day')
    AND i.ended_at >= least(i.closes_at, r.start_datetime, r.cancelled_at) AND i.waiting = 0 AND i.held = 0
ORDER BY i.ended_at LIMIT $3
