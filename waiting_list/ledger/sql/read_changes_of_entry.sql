-- Read the newest change of one list's entry by each of these verbs, in order.
-- Locks nothing.
SELECT h.verb, max(h.sequence) AS sequence, max(h.at) AS at FROM history h
WHERE h.list_id = $1 AND h.number = $2 AND h.verb = ANY ($3::text[])
GROUP BY h.verb ORDER BY sequence
