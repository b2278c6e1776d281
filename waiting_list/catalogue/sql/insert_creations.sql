-- Write the first change of new lists to their history.
-- Locks the new rows; runs in the transaction that inserts the lists.
INSERT INTO history (list_id, sequence, at, actor, verb, after, leaf)
SELECT c.list_id, 1, $2, $3, 'create', c.after::jsonb, c.leaf
FROM unnest($1::uuid[], $4::text[], $5::bytea[]) AS c (list_id, after, leaf)
