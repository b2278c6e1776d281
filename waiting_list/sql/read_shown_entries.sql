-- Some entries of one list, as clients see them.
-- Locks nothing.
SELECT s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at
FROM shown_entries s WHERE s.list_id = $1 AND s.number = ANY ($2::bigint[])
