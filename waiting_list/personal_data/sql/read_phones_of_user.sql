-- Read the phone numbers of one user's entries in the lists of one organization.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, p.number, p.phone, p.asked_at, p.verified_at, p.failed_at
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
JOIN phones p ON p.list_id = e.list_id AND p.number = e.number
WHERE e.user_id = $1 AND i.organization_id = $2
ORDER BY p.list_id, p.number
