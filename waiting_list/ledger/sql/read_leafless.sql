-- Read the changes of one list after $2 and up to $3 that have no leaf: those of an older version.
-- Locks nothing.
SELECT h.sequence, h.actor, h.verb, h.number, h.before::text, h.after::text, h.reason, h.at
FROM history h
WHERE h.list_id = $1 AND h.sequence > $2 AND h.sequence <= $3 AND h.leaf IS NULL
ORDER BY h.sequence
