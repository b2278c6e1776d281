-- Take from each caller's limit what it ($1) asks for ($2), or what is left. The limits are $3 a minute and $4 at once.
-- In seconds, because Citus adds no interval to an instant here. Locks the callers' rows, in the given order.
INSERT INTO allowances AS a (caller, asked_at, full_at, quantity, at_once, taken)
SELECT
    w.caller, n.now, n.now + least(w.asked, w.at_once) * interval '1 minute' / w.quantity,
    w.quantity, w.at_once, least(w.asked, w.at_once)
FROM
    unnest($1::bytea[], $2::int[], $3::int[], $4::int[]) WITH ORDINALITY AS w (caller, asked, quantity, at_once, place),
    (SELECT clock_timestamp() AS now) AS n
ORDER BY w.place
ON CONFLICT (caller) DO UPDATE SET (asked_at, full_at, quantity, at_once, taken) = (
    SELECT
        excluded.asked_at, to_timestamp(f.asked_at + f.full_in + r.taken * 60.0 / excluded.quantity),
        excluded.quantity, excluded.at_once, r.taken
    FROM
        (
            SELECT extract(epoch FROM excluded.asked_at - 'epoch'::timestamptz) AS asked_at,
                extract(epoch FROM greatest(a.full_at, excluded.asked_at) - excluded.asked_at) AS full_in
        ) AS f,
        LATERAL (
            SELECT greatest(0, least(excluded.taken, floor(
                excluded.at_once - f.full_in * excluded.quantity / 60 + 0.001
            )))::int AS taken
        ) AS r
)
RETURNING caller, taken, extract(epoch FROM full_at - asked_at)::float8 AS full_in
