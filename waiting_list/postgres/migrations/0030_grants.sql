-- Tickets that an organizer gives past the line count as a turn, as they make an entry ready.
CREATE OR REPLACE VIEW uncounted_changes AS
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
    LEFT JOIN counted_lists l ON l.list_id = i.list_id
    JOIN history h ON h.list_id = i.list_id AND h.sequence > coalesce(l.sequence, 0)
    WHERE h.verb <> 'erase'
) AS c
LEFT JOIN LATERAL (
    SELECT e.joined_at, e.tickets_wanted - coalesce((
        SELECT sum((x.after ->> 'tickets_wanted')::bigint - (x.before ->> 'tickets_wanted')::bigint)
        FROM history x
        WHERE x.list_id = c.list_id AND x.number = c.number AND x.sequence > c.sequence AND x.before ? 'tickets_wanted'
    ), 0)::bigint AS tickets_wanted
    FROM entries e WHERE e.list_id = c.list_id AND e.number = c.number
) AS w ON c.new_status IS NOT NULL AND c.verb <> 'join';
