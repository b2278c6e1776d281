-- Find the entries with one number ($3) in the lists of one organization, or in one of them ($2), the newest first.
-- Locks nothing.
SELECT e.list_id, e.number, e.status <> 'left' AS is_active, e.joined_at
FROM inventory i
JOIN entries e ON e.list_id = i.list_id AND e.number = $3
WHERE i.organization_id = $1 AND ($2::uuid IS NULL OR i.list_id = $2)
ORDER BY e.joined_at DESC LIMIT $4
