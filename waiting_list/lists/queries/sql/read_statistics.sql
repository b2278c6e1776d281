-- Count the changes of one list by period, in the event's timezone. Sum the tickets that waiting entries want at the
-- end of each period. Each change adds the difference that it made to those tickets. Locks nothing.
WITH changes AS (
    SELECT h.sequence, h.at, h.number, h.verb, h.verb = 'promote' AND h.after ->> 'status' = 'ready' AS is_turn,
        CASE WHEN h.verb = 'buy' THEN (h.before ->> 'available_stock')::bigint - (h.after ->> 'available_stock')::bigint
            END AS bought,
        CASE WHEN h.after ? 'tickets_wanted' THEN (h.after ->> 'tickets_wanted')::int
            - coalesce((h.before ->> 'tickets_wanted')::int, 0) ELSE 0 END AS more_wanted,
        CASE WHEN h.after ->> 'status' = 'waiting' THEN 1 WHEN h.before ->> 'status' = 'waiting' THEN -1 ELSE 0 END
            AS more_waiting
    FROM history h WHERE h.list_id = $1 AND h.verb <> 'erase'
), entries_then AS (
    SELECT c.at, c.verb, c.is_turn, c.bought, c.more_wanted, c.more_waiting,
        sum(c.more_wanted) OVER so_far AS wanted, sum(c.more_waiting) OVER so_far AS waiting
    FROM changes c
    WINDOW so_far AS (PARTITION BY c.number ORDER BY c.sequence ROWS UNBOUNDED PRECEDING)
), counted AS (
    SELECT date_trunc($2, t.at, e.timezone) AS period_at, t.verb, t.is_turn, t.bought,
        t.wanted * t.waiting - (t.wanted - t.more_wanted) * (t.waiting - t.more_waiting) AS more
    FROM entries_then t
    JOIN inventory i ON i.list_id = $1
    JOIN events e ON e.event_id = i.event_id
)
SELECT c.period_at,
    count(*) FILTER (WHERE c.verb = 'join') AS joins,
    count(*) FILTER (WHERE c.is_turn) AS promotions,
    count(*) FILTER (WHERE c.verb = 'buy') AS purchases,
    coalesce(sum(c.bought), 0)::bigint AS tickets_bought,
    count(*) FILTER (WHERE c.verb = 'expire') AS expiries,
    count(*) FILTER (WHERE c.verb IN ('leave', 'remove')) AS departures,
    (sum(sum(c.more)) OVER (ORDER BY c.period_at))::bigint AS tickets_waiting
FROM counted c
GROUP BY c.period_at ORDER BY c.period_at
