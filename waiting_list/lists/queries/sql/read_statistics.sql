-- Read the counts of one list by period, in the event's timezone: the kept ones, and the changes that are not counted yet.
-- Sum up the tickets that waiting entries want to the end of each period. Locks nothing.
SELECT p.period_at, p.joins, p.promotions, p.purchases, p.tickets_bought, p.expiries, p.departures,
    (sum(p.tickets_waiting) OVER (ORDER BY p.period_at))::bigint AS tickets_waiting
FROM (
    SELECT date_trunc($2, q.period_at, v.timezone) AS period_at, sum(q.joins)::bigint AS joins,
        sum(q.promotions)::bigint AS promotions, sum(q.purchases)::bigint AS purchases,
        sum(q.tickets_bought)::bigint AS tickets_bought, sum(q.expiries)::bigint AS expiries,
        sum(q.departures)::bigint AS departures, sum(q.tickets_waiting) AS tickets_waiting
    FROM (
        SELECT c.period_at, c.joins, c.promotions, c.purchases, c.tickets_bought, c.expiries, c.departures,
            c.tickets_waiting
        FROM counted_periods c WHERE c.list_id = $1
        UNION ALL
        SELECT u.period_at, u.joins, u.promotions, u.purchases, u.tickets_bought, u.expiries, u.departures,
            u.tickets_waiting
        FROM uncounted_changes u WHERE u.list_id = $1
    ) AS q
    JOIN inventory i ON i.list_id = $1
    JOIN events v ON v.event_id = i.event_id
    GROUP BY 1
) AS p
ORDER BY p.period_at
