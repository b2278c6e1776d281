-- Store the traces of new entries of one list.
-- Locks the new rows; runs under the list's lock.
INSERT INTO traces (list_id, number, network, family)
SELECT l.list_id, n.number, n.network, n.family
FROM inventory l
CROSS JOIN unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS n (number, network, family)
WHERE l.list_id = $1
