-- Read how many full subtrees of each level one list has.
-- Locks nothing.
SELECT s.level, max(s.subtree) + 1 AS subtrees FROM ledger_subtrees s WHERE s.list_id = $1 GROUP BY s.level
