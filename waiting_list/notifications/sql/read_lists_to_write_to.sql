-- Read the keys of the lists of one event of an organization; one row without a key if it has none.
-- Locks nothing.
SELECT i.offer_id, i.representation_id
FROM events v
LEFT JOIN inventory i ON i.event_id = v.event_id
WHERE v.event_id = $1 AND v.organization_id = $2
ORDER BY i.list_id
