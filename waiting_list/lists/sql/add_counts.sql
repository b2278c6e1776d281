-- Add the changes of one list that are not counted, up to the change $2, to its counts, and the tickets held by those after
-- $3 and up to $4; mark them as counted. Locks these rows; runs under the lock of the list's row of the counts.
WITH c AS MATERIALIZED (
    SELECT u.period_at, u.joins, u.promotions, u.purchases, u.tickets_bought, u.expiries, u.departures,
        u.tickets_waiting, u.tickets_left, u.waits, u.seconds
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
    WHERE u.sequence <= $2::bigint
),
held AS (
    SELECT date_bin('15 minutes', h.at, '2000-01-01 00:00Z') AS period_at,
        (h.after ->> 'tickets_held')::bigint - (h.before ->> 'tickets_held')::bigint AS tickets_held
    FROM history h
    WHERE h.list_id = $1 AND h.sequence > $3::bigint AND h.sequence <= $4::bigint AND h.before ? 'tickets_held'
),
periods AS (
    INSERT INTO counted_periods AS p (list_id, period_at, joins, promotions, purchases, tickets_bought, expiries,
        departures, tickets_waiting, tickets_held)
    SELECT $1, q.period_at, sum(q.joins), sum(q.promotions), sum(q.purchases), sum(q.tickets_bought), sum(q.expiries),
        sum(q.departures), sum(q.tickets_waiting), sum(q.tickets_held)
    FROM (
        SELECT c.period_at, c.joins, c.promotions, c.purchases, c.tickets_bought, c.expiries, c.departures,
            c.tickets_waiting, 0 AS tickets_held
        FROM c
        UNION ALL
        SELECT held.period_at, 0, 0, 0, 0, 0, 0, 0, held.tickets_held FROM held
    ) AS q
    GROUP BY q.period_at
    ON CONFLICT (list_id, period_at) DO UPDATE SET joins = p.joins + excluded.joins,
        promotions = p.promotions + excluded.promotions, purchases = p.purchases + excluded.purchases,
        tickets_bought = p.tickets_bought + excluded.tickets_bought, expiries = p.expiries + excluded.expiries,
        departures = p.departures + excluded.departures, tickets_waiting = p.tickets_waiting + excluded.tickets_waiting,
        tickets_held = p.tickets_held + excluded.tickets_held
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
UPDATE counted_lists SET sequence = $2::bigint, held_sequence = $4::bigint,
    tickets_left = counted_lists.tickets_left + (SELECT coalesce(sum(c.tickets_left), 0)::bigint FROM c)
WHERE counted_lists.list_id = $1
