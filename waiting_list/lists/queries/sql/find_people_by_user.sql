-- Find entries of one user ($3) in the lists of one organization, or in one of them ($2), the newest first.
-- Locks nothing.
SELECT e.list_id, e.number, e.status <> 'left' AS is_active, e.joined_at
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
WHERE i.organization_id = $1 AND ($2::uuid IS NULL OR e.list_id = $2) AND e.user_id = $3
ORDER BY e.joined_at DESC LIMIT $4
