-- Read the users of some entries of one list; null for an erased person.
-- Locks nothing: runs under the list's lock.
SELECT e.number, e.user_id
FROM unnest($2::bigint[]) AS n (number)
CROSS JOIN LATERAL (
    SELECT x.number, x.user_id FROM entries x WHERE x.list_id = $1 AND x.number = n.number LIMIT 1
) AS e
