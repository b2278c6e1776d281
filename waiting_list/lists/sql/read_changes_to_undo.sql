-- Read some changes of one list by their sequences ($2 to $3), if they are newer than $4.
-- Locks nothing: runs under the list's lock.
SELECT h.verb, h.number, h.before::text, h.after::text
FROM history h
WHERE h.list_id = $1 AND h.sequence BETWEEN $2 AND $3 AND h.at > $4
ORDER BY h.sequence
