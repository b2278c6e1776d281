-- Read that one user's entries in the lists of one organization have shared links.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, s.number, s.created_at, s.used_at
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
JOIN shared_links s ON s.list_id = e.list_id AND s.number = e.number
WHERE e.user_id = $1 AND i.organization_id = $2
ORDER BY s.list_id, s.number
