-- Add the changes of one list that are not counted, up to the change $2, to its counts, and mark them as counted. Read each
-- change once. Locks these rows; runs under the lock of the list's row of the counts.
WITH c AS MATERIALIZED (
    SELECT u.period_at, u.joins, u.promotions, u.purchases, u.tickets_bought, u.expiries, u.departures,
        u.tickets_waiting, u.tickets_left, u.waits, u.seconds
    FROM uncounted_changes u WHERE u.list_id = $1 AND u.sequence <= $2::bigint
),
periods AS (
    INSERT INTO counted_periods AS p (list_id, period_at, joins, promotions, purchases, tickets_bought, expiries,
        departures, tickets_waiting)
    SELECT $1, c.period_at, sum(c.joins), sum(c.promotions), sum(c.purchases), sum(c.tickets_bought), sum(c.expiries),
        sum(c.departures), sum(c.tickets_waiting)
    FROM c GROUP BY c.period_at
    ON CONFLICT (list_id, period_at) DO UPDATE SET joins = p.joins + excluded.joins,
        promotions = p.promotions + excluded.promotions, purchases = p.purchases + excluded.purchases,
        tickets_bought = p.tickets_bought + excluded.tickets_bought, expiries = p.expiries + excluded.expiries,
        departures = p.departures + excluded.departures, tickets_waiting = p.tickets_waiting + excluded.tickets_waiting
    RETURNING period_at
),
waits AS (
    INSERT INTO counted_waits AS w (list_id, bucket, entries, seconds)
    SELECT $1, floor(64 * ln(1 + c.seconds))::integer, sum(c.waits), sum(c.waits * c.seconds)
    FROM c WHERE c.waits <> 0 GROUP BY 2
    ON CONFLICT (list_id, bucket) DO UPDATE
    SET entries = w.entries + excluded.entries, seconds = w.seconds + excluded.seconds
    RETURNING bucket
)
UPDATE counted_lists SET sequence = $2::bigint,
    tickets_left = counted_lists.tickets_left + (SELECT coalesce(sum(c.tickets_left), 0)::bigint FROM c)
WHERE counted_lists.list_id = $1
