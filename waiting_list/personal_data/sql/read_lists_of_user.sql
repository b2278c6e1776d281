-- The lists of one organization in which a user has entries.
-- Locks nothing.
SELECT DISTINCT i.offer_id, i.representation_id
FROM entries e JOIN inventory i ON i.list_id = e.list_id
WHERE e.user_id = $1 AND i.organization_id = $2
ORDER BY i.offer_id, i.representation_id
