-- The history of one list in order, with its leaves, for a cursor.
-- Locks nothing.
SELECT h.sequence, h.at, h.verb, h.number, h.before::text, h.after::text, h.actor, h.reason,
    h.reason_salt, h.reason_hash, h.leaf
FROM history h
WHERE h.list_id = $1
ORDER BY h.sequence
