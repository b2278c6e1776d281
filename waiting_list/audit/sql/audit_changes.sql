-- The history of one list in order, for a cursor.
-- Locks nothing.
SELECT h.sequence, h.at, h.verb, h.number, h.before::text, h.after::text
FROM history h
WHERE h.list_id = $1
ORDER BY h.sequence
