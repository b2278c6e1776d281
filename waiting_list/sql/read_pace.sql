-- Whose turn came in one list since an instant ($2), by stretches of time of equal length ($3): fans, the tickets that
-- were held for them, and at how many instants. Locks nothing.
SELECT floor(extract(epoch FROM h.at - $2::timestamptz) / extract(epoch FROM $3::interval))::int AS stretch,
    count(*) AS fans, sum((h.after ->> 'tickets_held')::int) AS tickets, count(DISTINCT h.at) AS releases
FROM history h
WHERE h.list_id = $1 AND h.verb = 'promote' AND h.at >= $2::timestamptz AND h.after ->> 'status' = 'ready'
GROUP BY 1 ORDER BY 1
