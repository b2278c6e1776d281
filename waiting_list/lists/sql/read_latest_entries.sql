-- The newest entry of each of these users in one list: the active one, else the one that left last.
-- Locks nothing: runs under the list's lock.
SELECT e.number, e.user_id, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held,
    e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM unnest($2::text[]) AS u (user_id)
CROSS JOIN LATERAL (
    SELECT x.number, x.user_id, x.status, x.left_reason, x.tickets_wanted, x.tickets_minimum, x.tickets_held,
        x.rank, x.passed_over, x.unverified, x.joined_at, x.ready_at, x.ready_until, x.left_at, x.requeued,
        x.keep_waiting_for_rest, x.address_failed, x.paused_at, x.wish_id, x.set_aside_at
    FROM entries x WHERE x.list_id = $1 AND x.user_id = u.user_id
    ORDER BY x.left_at DESC, x.number DESC LIMIT 1
) AS e
