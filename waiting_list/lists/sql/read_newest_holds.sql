-- Read the holds of one list from which those to revoke are chosen, the newest first. To free $2 tickets, no more holds
-- of one size than that are needed, and the newest of it serve. Locks nothing: runs under the list's lock.
SELECT e.number, e.user_id, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held,
    e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM (
    SELECT x.*, row_number() OVER (PARTITION BY x.tickets_held ORDER BY x.ready_at DESC, x.rank DESC) AS place
    FROM entries x WHERE x.list_id = $1 AND x.status = 'ready'
) AS e
WHERE e.place <= $2
ORDER BY e.ready_at DESC, e.rank DESC
