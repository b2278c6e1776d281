-- Read the full subtrees of one list in the order of the changes that complete them, for a cursor.
-- Locks nothing.
SELECT s.level, s.subtree, s.hash, (s.subtree + 1) << 8 * s.level AS last
FROM ledger_subtrees s
WHERE s.list_id = $1
ORDER BY last, s.level
