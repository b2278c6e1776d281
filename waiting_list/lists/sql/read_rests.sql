-- Read the first held entries of one list after a rank ($2) that keep their place in line for the rest, and can be held more
-- tickets: up to $3 each, and before their deadline ($5 is now). Locks nothing: runs under the list's lock.
SELECT e.number, e.user_id, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held,
    e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM entries e
WHERE e.list_id = $1 AND e.status = 'ready' AND e.keep_waiting_for_rest AND e.tickets_held < e.tickets_wanted
    AND e.rank > $2 AND e.tickets_held < $3 AND (e.ready_until IS NULL OR e.ready_until > $5)
ORDER BY e.rank LIMIT $4
