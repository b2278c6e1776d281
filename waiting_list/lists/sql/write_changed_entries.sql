-- Write the changed entries of write_changes: if each still has the status from which it changes. Citus runs no INSERT in a
-- WITH on the node of the list, so it gets the parts of write_changes. Locks the rows; runs under the list's lock.
UPDATE entries e
SET user_id = g.user_id, status = coalesce(g.status, 'waiting'), left_reason = g.left_reason,
    tickets_wanted = g.tickets_wanted, tickets_minimum = g.tickets_minimum,
    tickets_held = coalesce(g.tickets_held, 0), rank = g.rank, passed_over = coalesce(g.passed_over, 0),
    unverified = coalesce(g.unverified, false), ready_at = g.ready_at, ready_until = g.ready_until,
    left_at = g.left_at, requeued = coalesce(g.requeued, 0),
    keep_waiting_for_rest = coalesce(g.keep_waiting_for_rest, false),
    address_failed = coalesce(g.address_failed, false), paused_at = g.paused_at,
    wish_id = g.wish_id, set_aside_at = g.set_aside_at
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[], $8::integer[],
    $9::bigint[], $10::integer[], $11::boolean[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[],
    $15::integer[], $16::boolean[], $17::boolean[], $18::timestamptz[], $19::uuid[], $20::timestamptz[], $21::text[])
    AS g (number, user_id, status, left_reason, tickets_wanted, tickets_minimum, tickets_held, rank,
    passed_over, unverified, ready_at, ready_until, left_at, requeued, keep_waiting_for_rest, address_failed,
    paused_at, wish_id, set_aside_at, from_status)
WHERE e.list_id = $1 AND e.number = g.number AND e.status = g.from_status
RETURNING e.number
