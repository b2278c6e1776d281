-- Takes from what each caller ($1) may do in a minute ($3) as many as it asks for ($2), or what is left of it.
-- Locks the callers' rows, in the order in which they are given.
INSERT INTO allowances AS a (caller, asked_at, full_at, quantity, taken)
SELECT
    w.caller, n.now, n.now + least(w.asked, w.quantity) * interval '1 minute' / w.quantity,
    w.quantity, least(w.asked, w.quantity)
FROM
    unnest($1::bytea[], $2::int[], $3::int[]) WITH ORDINALITY AS w (caller, asked, quantity, place),
    (SELECT clock_timestamp() AS now) AS n
ORDER BY w.place
ON CONFLICT (caller) DO UPDATE SET (asked_at, full_at, quantity, taken) = (
    SELECT
        excluded.asked_at, f.from_at + r.taken * interval '1 minute' / excluded.quantity,
        excluded.quantity, r.taken
    FROM
        (SELECT greatest(a.full_at, excluded.asked_at) AS from_at) AS f,
        LATERAL (
            SELECT greatest(0, least(excluded.taken, floor(
                extract(epoch FROM excluded.asked_at + interval '1 minute' - f.from_at) * excluded.quantity / 60 + 0.001
            )))::int AS taken
        ) AS r
)
RETURNING caller, taken, extract(epoch FROM full_at - asked_at)::float8 AS full_in
