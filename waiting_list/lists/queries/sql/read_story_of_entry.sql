-- Read the changes of one entry, the newest first.
-- Locks nothing.
SELECT h.sequence, h.at, h.actor, h.verb, h.number, e.user_id, h.before::text, h.after::text, h.reason
FROM history h
JOIN entries e ON e.list_id = $1 AND e.number = $2
WHERE h.list_id = $1 AND h.number = $2 AND ($3::bigint IS NULL OR h.sequence < $3)
ORDER BY h.sequence DESC LIMIT $4
