-- Counts of a list's changes, for statistics of lists of any length. The worker adds up changes that it has not counted
-- yet; readers add the few that are left. Additions only: the version before goes on as before.

-- Up to which change a list is counted, and the tickets that those wanted who had left by then.
CREATE TABLE counted_lists (
    list_id uuid PRIMARY KEY REFERENCES inventory ON DELETE CASCADE,
    sequence bigint NOT NULL CHECK (sequence >= 0),
    tickets_left bigint NOT NULL
);

-- A quarter of an hour is a part of an hour in every timezone. tickets_waiting is the difference over the period.
CREATE TABLE counted_periods (
    list_id uuid NOT NULL REFERENCES counted_lists ON DELETE CASCADE,
    period_at timestamptz NOT NULL,
    joins bigint NOT NULL,
    promotions bigint NOT NULL,
    purchases bigint NOT NULL,
    tickets_bought bigint NOT NULL,
    expiries bigint NOT NULL,
    departures bigint NOT NULL,
    tickets_waiting bigint NOT NULL,
    PRIMARY KEY (list_id, period_at)
);

-- How long entries waited until they were ready: each bucket of waits is 1.6 % longer than the one before. A hold that is
-- taken back takes its wait back, too.
CREATE TABLE counted_waits (
    list_id uuid NOT NULL REFERENCES counted_lists ON DELETE CASCADE,
    bucket integer NOT NULL,
    entries bigint NOT NULL,
    seconds double precision NOT NULL,
    PRIMARY KEY (list_id, bucket)
);

-- What each change that is not counted yet adds to the counts. Select by list_id. The tickets that an entry wanted then
-- are those that it wants now, less what its later changes added.
CREATE VIEW uncounted_changes AS
SELECT c.list_id, c.sequence, date_bin('15 minutes', c.at, '2000-01-01 00:00Z') AS period_at,
    (c.verb = 'join')::integer AS joins, c.is_turn::integer AS promotions, (c.verb = 'buy')::integer AS purchases,
    CASE WHEN c.verb = 'buy' THEN (c.before ->> 'available_stock')::bigint - (c.after ->> 'available_stock')::bigint
        ELSE 0 END AS tickets_bought,
    (c.verb = 'expire')::integer AS expiries, (c.verb IN ('leave', 'remove'))::integer AS departures,
    CASE WHEN c.verb = 'join' THEN (c.after ->> 'tickets_wanted')::bigint
        WHEN c.verb = 'change' THEN c.more_wanted
        WHEN c.old_status = 'waiting' THEN -w.tickets_wanted
        WHEN c.new_status = 'waiting' THEN w.tickets_wanted ELSE 0 END AS tickets_waiting,
    CASE WHEN c.new_status = 'left' THEN w.tickets_wanted ELSE 0 END AS tickets_left,
    c.is_turn::integer - (c.verb = 'revoke')::integer AS waits,
    greatest(0, CASE WHEN c.is_turn THEN extract(epoch FROM c.at - w.joined_at)
        WHEN c.verb = 'revoke' THEN extract(epoch FROM (c.before ->> 'ready_at')::timestamptz - w.joined_at)
        ELSE 0 END)::double precision AS seconds
FROM (
    SELECT h.list_id, h.sequence, h.at, h.verb, h.number, h.before, h.after,
        h.before ->> 'status' AS old_status, h.after ->> 'status' AS new_status,
        h.verb = 'promote' AND h.after ? 'status' AS is_turn,
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
        WHERE x.list_id = c.list_id AND x.number = c.number AND x.sequence > c.sequence AND x.verb = 'change'
    ), 0)::bigint AS tickets_wanted
    FROM entries e WHERE e.list_id = c.list_id AND e.number = c.number
) AS w ON c.new_status IS NOT NULL AND c.verb <> 'join';
