-- Store the traces of new entries of one list.
-- Locks the new rows; runs under the list's lock.
INSERT INTO traces (list_id, number, network, family)
SELECT $1, n.number, n.network, n.family
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS n (number, network, family)
