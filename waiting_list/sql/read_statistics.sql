-- What happened in one list, counted by period in the event's timezone.
-- Locks nothing.
SELECT date_trunc($2, h.at, e.timezone) AS period_at,
    count(*) FILTER (WHERE h.verb = 'join') AS joins,
    count(*) FILTER (WHERE h.verb = 'promote' AND h.after ->> 'status' = 'ready') AS promotions,
    count(*) FILTER (WHERE h.verb = 'buy') AS purchases,
    coalesce(sum((h.before ->> 'available_stock')::bigint - (h.after ->> 'available_stock')::bigint)
        FILTER (WHERE h.verb = 'buy'), 0)::bigint AS tickets_bought,
    count(*) FILTER (WHERE h.verb = 'expire') AS expiries,
    count(*) FILTER (WHERE h.verb IN ('leave', 'remove')) AS departures
FROM history h
JOIN inventory i ON i.list_id = h.list_id
JOIN events e ON e.event_id = i.event_id
WHERE h.list_id = $1
GROUP BY 1 ORDER BY 1
