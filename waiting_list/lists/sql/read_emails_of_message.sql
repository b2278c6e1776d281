-- Read the present addresses of the entries of one list that get a message ($2).
-- Locks nothing: runs under the list's lock.
SELECT c.email
FROM outbox o
CROSS JOIN LATERAL (
    SELECT x.email FROM contacts x WHERE x.list_id = $1 AND x.number = o.number AND x.email IS NOT NULL LIMIT 1
) AS c
WHERE o.list_id = $1 AND o.type = 'message' AND o.body = $2
