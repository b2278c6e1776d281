-- Return to callers ($1) what they took and did not use ($2) of their limits a minute ($3).
-- Locks the callers' rows, in the given order.
INSERT INTO allowances AS a (caller, asked_at, full_at, quantity, taken)
SELECT w.caller, n.now, n.now, w.quantity, w.unused
FROM
    unnest($1::bytea[], $2::int[], $3::int[]) WITH ORDINALITY AS w (caller, unused, quantity, place),
    (SELECT clock_timestamp() AS now) AS n
ORDER BY w.place
ON CONFLICT (caller) DO UPDATE SET full_at = to_timestamp(extract(epoch FROM a.full_at - 'epoch'::timestamptz) - excluded.taken * 60.0 / excluded.quantity)
