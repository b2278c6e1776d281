-- Read the changes of one list, or of one of its entries, the newest first.
-- Locks nothing.
SELECT h.sequence, h.at, h.actor, h.verb, h.number, e.user_id, h.before::text, h.after::text, h.reason
FROM history h
LEFT JOIN entries e ON e.list_id = h.list_id AND e.number = h.number
WHERE h.list_id = $1 AND ($2::text[] IS NULL OR h.verb = ANY ($2)) AND ($3::bigint IS NULL OR h.number = $3)
    AND ($4::bigint IS NULL OR h.sequence < $4)
ORDER BY h.sequence DESC LIMIT $5
