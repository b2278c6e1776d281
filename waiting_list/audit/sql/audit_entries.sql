-- Read the entries of one list by number, for a cursor; instead of the user, whether the person is erased.
-- Locks nothing.
SELECT e.number, e.user_id IS NULL AS erased, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum,
    e.tickets_held, e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM entries e
WHERE e.list_id = $1
ORDER BY e.number
