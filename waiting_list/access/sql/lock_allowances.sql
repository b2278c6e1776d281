-- Insert missing rows of callers ($1) with these limits ($2). Read in how many seconds each limit is full again.
-- Locks the callers' rows, in the given order.
INSERT INTO allowances AS a (caller, asked_at, full_at, quantity, taken)
SELECT w.caller, n.now, n.now, w.quantity, 0
FROM
    unnest($1::bytea[], $2::int[]) WITH ORDINALITY AS w (caller, quantity, place),
    (SELECT clock_timestamp() AS now) AS n
ORDER BY w.place
ON CONFLICT (caller) DO UPDATE SET asked_at = excluded.asked_at, quantity = excluded.quantity
RETURNING caller, greatest(0, extract(epoch FROM full_at - asked_at))::float8 AS full_in
