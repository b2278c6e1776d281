-- Read the kept counts of the lists of one organization, or of one of its events, by period in a timezone. Sum up the tickets
-- that waiting entries want, and those held, to the end of each period. Add up lists first, because a timezone costs most. Locks nothing.
SELECT p.period_at, p.joins, p.promotions, p.purchases, p.tickets_bought, p.expiries, p.departures,
    (sum(p.tickets_waiting) OVER (ORDER BY p.period_at))::bigint AS tickets_waiting,
    (sum(p.tickets_held) OVER (ORDER BY p.period_at))::bigint AS tickets_held
FROM (
    SELECT date_trunc($3, q.period_at, $4) AS period_at, sum(q.joins)::bigint AS joins,
        sum(q.promotions)::bigint AS promotions, sum(q.purchases)::bigint AS purchases,
        sum(q.tickets_bought)::bigint AS tickets_bought, sum(q.expiries)::bigint AS expiries,
        sum(q.departures)::bigint AS departures, sum(q.tickets_waiting) AS tickets_waiting,
        sum(q.tickets_held) AS tickets_held
    FROM (
        SELECT c.period_at, sum(c.joins) AS joins, sum(c.promotions) AS promotions, sum(c.purchases) AS purchases,
            sum(c.tickets_bought) AS tickets_bought, sum(c.expiries) AS expiries, sum(c.departures) AS departures,
            sum(c.tickets_waiting) AS tickets_waiting, sum(c.tickets_held) AS tickets_held
        FROM inventory i
        JOIN counted_periods c ON c.list_id = i.list_id
        WHERE i.organization_id = $1 AND ($2::text IS NULL OR i.event_id = $2)
        GROUP BY c.period_at
    ) AS q
    GROUP BY 1
) AS p
ORDER BY p.period_at
