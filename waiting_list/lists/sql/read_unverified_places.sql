-- Read the entries of one list that were joined by e-mail from some networks and have an unverified address, and whether
-- each has a place. Locks nothing.
SELECT c.number, c.joined_from, e.status <> 'left' AS is_active
FROM contacts c
CROSS JOIN LATERAL (
    SELECT x.status FROM entries x WHERE x.list_id = $1 AND x.number = c.number LIMIT 1
) AS e
WHERE c.list_id = $1 AND c.joined_from = ANY ($2::bigint[])
