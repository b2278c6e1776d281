-- Read the changes of some entries of one list, in order, between two changes ($3, and before $4): at most $5.
-- Locks nothing.
SELECT h.sequence, h.at, h.actor, h.verb, h.number, e.user_id, h.before::text, h.after::text, h.reason
FROM history h
LEFT JOIN entries e ON e.list_id = $1 AND e.number = h.number
WHERE h.list_id = $1 AND h.number = ANY ($2) AND h.sequence >= $3 AND h.sequence < $4
ORDER BY h.sequence LIMIT $5
