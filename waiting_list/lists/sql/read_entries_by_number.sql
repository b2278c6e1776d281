-- Some entries of one list, by their numbers, in the order of the line.
-- Locks nothing: runs under the list's lock.
SELECT e.number, e.user_id, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held,
    e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM entries e
WHERE e.list_id = $1 AND e.number = ANY ($2::bigint[])
ORDER BY e.rank, e.number
