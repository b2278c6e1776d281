-- Count the waiting entries of one list with a minimum above $2.
-- Locks nothing.
SELECT count(*)
FROM unnest('{false,true}'::boolean[]) AS kind (unverified)
JOIN entries e ON e.list_id = $1 AND e.status = 'waiting' AND e.unverified = kind.unverified AND e.tickets_minimum > $2
