-- Read the history of one list, entry by entry and in order, for a cursor; only rows before sequence $2, if given.
-- Locks nothing.
SELECT h.sequence, h.at, h.verb, h.number, h.before::text, h.after::text
FROM history h
WHERE h.list_id = $1 AND h.number IS NOT NULL AND ($2::bigint IS NULL OR h.sequence < $2)
ORDER BY h.number, h.sequence
