-- Read the counts of one list by period, in the event's timezone: the kept ones, and the changes that are not counted yet.
-- Sum up the tickets that waiting entries want, and those held, to the end of each period. Locks nothing.
SELECT p.period_at, p.joins, p.promotions, p.purchases, p.tickets_bought, p.expiries, p.departures,
    (sum(p.tickets_waiting) OVER (ORDER BY p.period_at))::bigint AS tickets_waiting,
    (sum(p.tickets_held) OVER (ORDER BY p.period_at))::bigint AS tickets_held
FROM (
    SELECT date_trunc($2, q.period_at, v.timezone) AS period_at, sum(q.joins)::bigint AS joins,
        sum(q.promotions)::bigint AS promotions, sum(q.purchases)::bigint AS purchases,
        sum(q.tickets_bought)::bigint AS tickets_bought, sum(q.expiries)::bigint AS expiries,
        sum(q.departures)::bigint AS departures, sum(q.tickets_waiting) AS tickets_waiting,
        sum(q.tickets_held) AS tickets_held
    FROM (
        SELECT c.period_at, c.joins, c.promotions, c.purchases, c.tickets_bought, c.expiries, c.departures,
            c.tickets_waiting, c.tickets_held
        FROM counted_periods c WHERE c.list_id = $1
        UNION ALL
        SELECT u.period_at, u.joins, u.promotions, u.purchases, u.tickets_bought, u.expiries, u.departures,
            u.tickets_waiting, 0
        FROM (
            -- uncounted_changes of $1
            SELECT c.list_id, c.sequence, date_bin('15 minutes', c.at, '2000-01-01 00:00Z') AS period_at,
                (c.verb = 'join')::integer AS joins, c.is_turn::integer AS promotions, (c.verb = 'buy')::integer AS purchases,
                CASE WHEN c.verb = 'buy' THEN (c.before ->> 'available_stock')::bigint - (c.after ->> 'available_stock')::bigint
                    ELSE 0 END AS tickets_bought,
                (c.verb = 'expire')::integer AS expiries, (c.verb IN ('leave', 'remove'))::integer AS departures,
                CASE WHEN c.verb = 'join' THEN (c.after ->> 'tickets_wanted')::bigint
                    WHEN c.verb = 'change' THEN c.more_wanted
                    WHEN c.old_status = 'waiting' THEN c.more_wanted - w.tickets_wanted
                    WHEN c.new_status = 'waiting' THEN w.tickets_wanted ELSE 0 END AS tickets_waiting,
                CASE WHEN c.new_status = 'left' THEN w.tickets_wanted ELSE 0 END AS tickets_left,
                c.is_turn::integer - (c.verb = 'revoke')::integer AS waits,
                greatest(0, CASE WHEN c.is_turn THEN extract(epoch FROM c.at - w.joined_at)
                    WHEN c.verb = 'revoke' THEN extract(epoch FROM (c.before ->> 'ready_at')::timestamptz - w.joined_at)
                    ELSE 0 END)::double precision AS seconds
            FROM (
                SELECT h.list_id, h.sequence, h.at, h.verb, h.number, h.before, h.after,
                    h.before ->> 'status' AS old_status, h.after ->> 'status' AS new_status,
                    h.verb IN ('promote', 'grant') AND h.after ? 'status' AS is_turn,
                    coalesce((h.after ->> 'tickets_wanted')::bigint - (h.before ->> 'tickets_wanted')::bigint, 0) AS more_wanted
                FROM inventory i
                JOIN history h ON h.list_id = $1 AND h.sequence > (
                        SELECT coalesce(sum(l.sequence), 0)::bigint FROM counted_lists l WHERE l.list_id = $1
                    ) AND h.sequence <= (SELECT l.last_sequence FROM inventory l WHERE l.list_id = $1)
                WHERE i.list_id = $1 AND h.verb <> 'erase'
            ) AS c
            LEFT JOIN LATERAL (
                SELECT e.joined_at, e.tickets_wanted - coalesce((
                    SELECT sum((x.after ->> 'tickets_wanted')::bigint - (x.before ->> 'tickets_wanted')::bigint)
                    FROM history x
                    WHERE x.list_id = $1 AND x.number = c.number AND x.sequence > c.sequence AND x.before ? 'tickets_wanted'
                ), 0)::bigint AS tickets_wanted
                FROM entries e WHERE e.list_id = $1 AND e.number = c.number
            ) AS w ON c.new_status IS NOT NULL AND c.verb <> 'join'
            -- end of uncounted_changes
        ) AS u
        UNION ALL
        SELECT h.at, 0, 0, 0, 0, 0, 0, 0,
            (h.after ->> 'tickets_held')::bigint - (h.before ->> 'tickets_held')::bigint
        FROM history h
        WHERE h.list_id = $1 AND h.sequence > (
                SELECT coalesce(sum(l.held_sequence), 0)::bigint FROM counted_lists l WHERE l.list_id = $1
            ) AND h.sequence <= (SELECT l.last_sequence FROM inventory l WHERE l.list_id = $1)
            AND h.before ? 'tickets_held'
    ) AS q
    JOIN inventory i ON i.list_id = $1
    JOIN events v ON v.event_id = i.event_id
    GROUP BY 1
) AS p
ORDER BY p.period_at
