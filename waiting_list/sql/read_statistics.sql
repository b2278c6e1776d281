-- What happened in one list, counted by period in the event's timezone, and how many tickets were wanted by all who
-- waited at its end: what each change added to that is the entry's wish then, if it waited then. Locks nothing.
WITH changes AS (
    SELECT h.sequence, h.at, h.verb, h.number, h.before, h.after,
        coalesce((h.after ->> 'tickets_wanted')::bigint, 0) - CASE WHEN h.after ? 'tickets_wanted'
            THEN coalesce((h.before ->> 'tickets_wanted')::bigint, 0) ELSE 0 END AS more_wanted,
        CASE WHEN h.after ->> 'status' = 'waiting' THEN 1 WHEN h.before ->> 'status' = 'waiting' THEN -1 ELSE 0 END
            AS begins_to_wait
    FROM history h WHERE h.list_id = $1
), entries_then AS (
    SELECT c.sequence, c.at, c.verb, c.number, c.before, c.after,
        sum(c.more_wanted) OVER so_far * sum(c.begins_to_wait) OVER so_far AS waits_for
    FROM changes c
    WINDOW so_far AS (PARTITION BY c.number ORDER BY c.sequence)
), counted AS (
    SELECT date_trunc($2, t.at, e.timezone) AS period_at,
        t.verb, t.before, t.after,
        CASE WHEN t.number IS NULL THEN 0
            ELSE t.waits_for - lag(t.waits_for, 1, 0) OVER (PARTITION BY t.number ORDER BY t.sequence) END AS more
    FROM entries_then t
    JOIN inventory i ON i.list_id = $1
    JOIN events e ON e.event_id = i.event_id
)
SELECT c.period_at,
    count(*) FILTER (WHERE c.verb = 'join') AS joins,
    count(*) FILTER (WHERE c.verb = 'promote' AND c.after ->> 'status' = 'ready') AS promotions,
    count(*) FILTER (WHERE c.verb = 'buy') AS purchases,
    coalesce(sum((c.before ->> 'available_stock')::bigint - (c.after ->> 'available_stock')::bigint)
        FILTER (WHERE c.verb = 'buy'), 0)::bigint AS tickets_bought,
    count(*) FILTER (WHERE c.verb = 'expire') AS expiries,
    count(*) FILTER (WHERE c.verb IN ('leave', 'remove')) AS departures,
    (sum(sum(c.more)) OVER (ORDER BY c.period_at))::bigint AS tickets_waiting
FROM counted c
GROUP BY c.period_at ORDER BY c.period_at
