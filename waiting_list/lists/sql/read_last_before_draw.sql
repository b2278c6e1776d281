-- Read the last number of one list that joined before an instant ($2).
-- Locks nothing: runs under the list's lock.
SELECT e.number FROM entries e WHERE e.list_id = $1 AND e.joined_at < $2 ORDER BY e.number DESC LIMIT 1
