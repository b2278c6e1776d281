-- Add the changes of one list that are not counted, up to the change $2, to the counts of their periods.
-- Locks these rows; runs under the lock of the list's row of the counts.
INSERT INTO counted_periods AS p (list_id, period_at, joins, promotions, purchases, tickets_bought, expiries, departures,
    tickets_waiting)
SELECT c.list_id, c.period_at, sum(c.joins), sum(c.promotions), sum(c.purchases), sum(c.tickets_bought), sum(c.expiries),
    sum(c.departures), sum(c.tickets_waiting)
FROM uncounted_changes c
WHERE c.list_id = $1 AND c.sequence <= $2
GROUP BY c.list_id, c.period_at
ON CONFLICT (list_id, period_at) DO UPDATE SET joins = p.joins + excluded.joins,
    promotions = p.promotions + excluded.promotions, purchases = p.purchases + excluded.purchases,
    tickets_bought = p.tickets_bought + excluded.tickets_bought, expiries = p.expiries + excluded.expiries,
    departures = p.departures + excluded.departures, tickets_waiting = p.tickets_waiting + excluded.tickets_waiting
