-- Read the entries of one list that the changes $2 to $3 removed after the time $4, by rank.
-- Locks nothing: runs under the list's lock.
SELECT e.number, e.user_id, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held,
    e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM history h
JOIN entries e ON e.list_id = $1 AND e.number = h.number
WHERE h.list_id = $1 AND h.sequence BETWEEN $2 AND $3 AND h.verb = 'remove' AND h.at > $4
ORDER BY e.rank, e.number
