-- Read the changes of one list from $2 to $3, in order, with what their public form has.
-- Locks nothing.
SELECT h.sequence, h.actor, h.verb, h.number, h.before::text, h.after::text, h.at, h.reason_hash
FROM history h
WHERE h.list_id = $1 AND h.sequence >= $2 AND h.sequence <= $3
ORDER BY h.sequence
