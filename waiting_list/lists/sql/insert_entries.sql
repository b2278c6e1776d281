-- Adds entries at the end of one list.
-- Locks the new rows; runs under the list's lock.
INSERT INTO entries (list_id, number, user_id, status, left_reason, tickets_wanted, tickets_minimum,
    tickets_held, rank, passed_over, unverified, joined_at, ready_at, ready_until, left_at)
SELECT $1, n.number, n.user_id, n.status, n.left_reason, n.tickets_wanted, n.tickets_minimum,
    n.tickets_held, n.rank, n.passed_over, n.unverified, n.joined_at, n.ready_at, n.ready_until, n.left_at
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[],
    $8::integer[], $9::bigint[], $10::integer[], $11::boolean[], $12::timestamptz[], $13::timestamptz[],
    $14::timestamptz[], $15::timestamptz[])
    AS n (number, user_id, status, left_reason, tickets_wanted, tickets_minimum, tickets_held, rank,
    passed_over, unverified, joined_at, ready_at, ready_until, left_at)
