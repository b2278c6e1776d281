-- Update entries of one list to their new state, if each still has the status from which it changes.
-- Locks the changed rows; runs under the list's lock.
UPDATE entries e
SET user_id = c.user_id, status = c.status, left_reason = c.left_reason, tickets_wanted = c.tickets_wanted,
    tickets_minimum = c.tickets_minimum, tickets_held = c.tickets_held, rank = c.rank,
    passed_over = c.passed_over, unverified = c.unverified, ready_at = c.ready_at, ready_until = c.ready_until,
    left_at = c.left_at
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[],
    $8::integer[], $9::bigint[], $10::integer[], $11::boolean[], $12::timestamptz[], $13::timestamptz[],
    $14::timestamptz[], $15::timestamptz[], $16::text[])
    AS c (number, user_id, status, left_reason, tickets_wanted, tickets_minimum, tickets_held, rank,
    passed_over, unverified, joined_at, ready_at, ready_until, left_at, from_status)
WHERE e.list_id = $1 AND e.number = c.number AND e.status = c.from_status
