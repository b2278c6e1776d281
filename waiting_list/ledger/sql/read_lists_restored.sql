-- Read the next lists of a database that was restored, after the list $1.
-- Locks nothing.
SELECT i.list_id, i.offer_id, i.representation_id FROM inventory i
WHERE $1::uuid IS NULL OR i.list_id > $1
ORDER BY i.list_id LIMIT $2
