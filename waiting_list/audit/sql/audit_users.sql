-- Find the first two active entries of one list that belong to the same user.
-- Locks nothing.
SELECT min(e.number) AS one, max(e.number) AS other FROM entries e
WHERE e.list_id = $1 AND e.status <> 'left'
GROUP BY e.user_id HAVING count(*) > 1
ORDER BY other LIMIT 1
