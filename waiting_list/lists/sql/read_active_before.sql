-- Read the active entries right before a rank in one list, the nearest first, without the entry that moves ($3).
-- Read each status by itself, so that the index gives the order. Locks nothing: runs under the list's lock.
SELECT e.number, e.user_id, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held,
    e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM (VALUES ('waiting'), ('ready')) AS active (status)
CROSS JOIN LATERAL (
    SELECT x.number, x.user_id, x.status, x.left_reason, x.tickets_wanted, x.tickets_minimum, x.tickets_held,
        x.rank, x.passed_over, x.unverified, x.joined_at, x.ready_at, x.ready_until, x.left_at, x.requeued,
        x.keep_waiting_for_rest, x.address_failed, x.paused_at, x.wish_id, x.set_aside_at
    FROM entries x
    WHERE x.list_id = $1 AND x.status = active.status AND x.status <> 'left' AND x.rank < $2 AND x.number <> $3
    ORDER BY x.rank DESC LIMIT $4
) AS e
ORDER BY e.rank DESC LIMIT $4
