-- Write full subtrees of one list. Of two workers, the second writes none.
-- Locks the new rows.
INSERT INTO ledger_subtrees (list_id, level, subtree, hash)
SELECT l.list_id, g.level, g.subtree, g.hash
FROM inventory l
CROSS JOIN unnest($2::smallint[], $3::bigint[], $4::bytea[]) AS g (level, subtree, hash)
WHERE l.list_id = $1
ON CONFLICT (list_id, level, subtree) DO NOTHING
