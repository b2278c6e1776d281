-- Sum the promotions of one list since $2 by stretches of time ($3), for fans who had waited: the fans, their held
-- tickets, and the squares of the tickets held at each instant. Locks nothing.
SELECT floor(extract(epoch FROM r.at - $2::timestamptz) / extract(epoch FROM $3::interval))::int AS stretch,
    sum(r.fans)::bigint AS fans, sum(r.tickets)::bigint AS tickets, sum(r.tickets * r.tickets)::bigint AS squares
FROM (
    SELECT h.at, count(*) AS fans, sum((h.after ->> 'tickets_held')::bigint) AS tickets
    FROM history h
    JOIN entries e ON e.list_id = h.list_id AND e.number = h.number
    WHERE h.list_id = $1 AND h.verb = 'promote' AND h.at >= $2::timestamptz AND h.after ->> 'status' = 'ready'
        AND h.at > e.joined_at
    GROUP BY h.at
) AS r
GROUP BY 1 ORDER BY 1
