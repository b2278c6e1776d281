-- Add up the kept counts of one list with its changes that are not counted yet.
-- Locks nothing.
SELECT coalesce(sum(p.joins), 0)::bigint AS joins, coalesce(sum(p.purchases), 0)::bigint AS purchases,
    coalesce(sum(p.expiries), 0)::bigint AS expiries, coalesce(sum(p.departures), 0)::bigint AS departures,
    coalesce(sum(p.tickets_waiting), 0)::bigint AS tickets_waiting,
    coalesce(sum(p.tickets_left), 0)::bigint AS tickets_left, coalesce(sum(p.waits), 0)::bigint AS waits,
    coalesce(sum(p.tickets_held), 0)::bigint AS tickets_held
FROM (
    SELECT c.joins, c.purchases, c.expiries, c.departures, c.tickets_waiting, 0 AS tickets_left, 0 AS waits,
        c.tickets_held
    FROM counted_periods c WHERE c.list_id = $1
    UNION ALL
    SELECT 0, 0, 0, 0, 0, c.tickets_left, 0, 0 FROM counted_lists c WHERE c.list_id = $1
    UNION ALL
    SELECT 0, 0, 0, 0, 0, 0, c.entries, 0 FROM counted_waits c WHERE c.list_id = $1
    UNION ALL
    SELECT u.joins, u.purchases, u.expiries, u.departures, u.tickets_waiting, u.tickets_left, u.waits, 0
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
    SELECT 0, 0, 0, 0, 0, 0, 0, (h.after ->> 'tickets_held')::bigint - (h.before ->> 'tickets_held')::bigint
    FROM history h
    WHERE h.list_id = $1 AND h.sequence > (
            SELECT coalesce(sum(l.held_sequence), 0)::bigint FROM counted_lists l WHERE l.list_id = $1
        ) AND h.sequence <= (SELECT l.last_sequence FROM inventory l WHERE l.list_id = $1)
        AND h.before ? 'tickets_held'
) AS p
