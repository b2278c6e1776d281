-- Read the lists, of one organization ($1) or of all, that have holds, and how many holds expired from $2 to $3.
-- Locks nothing: the caller then locks each list.
SELECT i.organization_id, i.offer_id, i.representation_id, l.expired
FROM inventory i
CROSS JOIN LATERAL (
    SELECT count(*) AS expired FROM entries e
    WHERE e.list_id = i.list_id AND e.status = 'left' AND e.left_reason = 'expired'
        AND e.ready_until >= $2 AND e.ready_until < $3
) AS l
WHERE ($1::text IS NULL OR i.organization_id = $1) AND (i.held > 0 OR l.expired > 0)
ORDER BY i.offer_id, i.representation_id
