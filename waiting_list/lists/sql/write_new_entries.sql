-- Write the new entries of write_changes, for Citus. A column that is NULL has what a join has.
-- Locks the new rows; runs under the list's lock, after write_changed_entries.
INSERT INTO entries (list_id, number, user_id, status, left_reason, tickets_wanted, tickets_minimum,
    tickets_held, rank, passed_over, unverified, joined_at, ready_at, ready_until, left_at, requeued,
    keep_waiting_for_rest, address_failed, paused_at, wish_id, set_aside_at)
SELECT l.list_id, g.number, g.user_id, coalesce(g.status, 'waiting'), g.left_reason, g.tickets_wanted,
    g.tickets_minimum, coalesce(g.tickets_held, 0), g.rank, coalesce(g.passed_over, 0),
    coalesce(g.unverified, false), $2, g.ready_at, g.ready_until, g.left_at,
    coalesce(g.requeued, 0), coalesce(g.keep_waiting_for_rest, false),
    coalesce(g.address_failed, false), g.paused_at, g.wish_id, g.set_aside_at
FROM inventory l
CROSS JOIN unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::integer[], $9::integer[],
    $10::bigint[], $11::integer[], $12::boolean[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[],
    $16::integer[], $17::boolean[], $18::boolean[], $19::timestamptz[], $20::uuid[], $21::timestamptz[], $22::text[])
    AS g (number, user_id, status, left_reason, tickets_wanted, tickets_minimum, tickets_held, rank,
    passed_over, unverified, ready_at, ready_until, left_at, requeued, keep_waiting_for_rest, address_failed,
    paused_at, wish_id, set_aside_at, from_status)
WHERE l.list_id = $1 AND g.from_status IS NULL
