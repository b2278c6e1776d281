-- Copy traces from old entries of one list to the new entries of requeued users.
-- Locks the new rows; runs under the list's lock.
INSERT INTO traces (list_id, number, network, family)
SELECT l.list_id, n.number, t.network, t.family
FROM inventory l
CROSS JOIN unnest($2::bigint[], $3::bigint[]) AS n (number, source)
CROSS JOIN LATERAL (
    SELECT x.network, x.family FROM traces x WHERE x.list_id = $1 AND x.number = n.source LIMIT 1
) AS t
WHERE l.list_id = $1
