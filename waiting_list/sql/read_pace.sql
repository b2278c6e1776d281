-- Whose turn came in one list since an instant ($2) and who had waited for it, by stretches of time of equal length ($3):
-- fans, the tickets that were held for them, and at how many instants. Locks nothing.
SELECT floor(extract(epoch FROM h.at - $2::timestamptz) / extract(epoch FROM $3::interval))::int AS stretch,
    count(*) AS fans, sum((h.after ->> 'tickets_held')::int) AS tickets, count(DISTINCT h.at) AS releases
FROM history h
JOIN entries e ON e.list_id = h.list_id AND e.number = h.number
WHERE h.list_id = $1 AND h.verb = 'promote' AND h.at >= $2::timestamptz AND h.after ->> 'status' = 'ready'
    AND h.at > e.joined_at
GROUP BY 1 ORDER BY 1
