-- Add up the kept counts of one list with its changes that are not counted yet.
-- Locks nothing.
SELECT coalesce(sum(p.joins), 0)::bigint AS joins, coalesce(sum(p.purchases), 0)::bigint AS purchases,
    coalesce(sum(p.expiries), 0)::bigint AS expiries, coalesce(sum(p.departures), 0)::bigint AS departures,
    coalesce(sum(p.tickets_waiting), 0)::bigint AS tickets_waiting,
    coalesce(sum(p.tickets_left), 0)::bigint AS tickets_left, coalesce(sum(p.waits), 0)::bigint AS waits
FROM (
    SELECT c.joins, c.purchases, c.expiries, c.departures, c.tickets_waiting, 0 AS tickets_left, 0 AS waits
    FROM counted_periods c WHERE c.list_id = $1
    UNION ALL
    SELECT 0, 0, 0, 0, 0, c.tickets_left, 0 FROM counted_lists c WHERE c.list_id = $1
    UNION ALL
    SELECT 0, 0, 0, 0, 0, 0, c.entries FROM counted_waits c WHERE c.list_id = $1
    UNION ALL
    SELECT u.joins, u.purchases, u.expiries, u.departures, u.tickets_waiting, u.tickets_left, u.waits
    FROM uncounted_changes u WHERE u.list_id = $1
) AS p
