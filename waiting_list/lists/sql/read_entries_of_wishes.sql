-- Read the entries of one list that have to leave for wishes that are fulfilled ($2), or count again for wishes that nobody
-- holds ($3), $4 at most. Locks nothing: runs under the list's lock.
SELECT e.number, e.user_id, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held,
    e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM entries e
WHERE e.list_id = $1 AND e.status <> 'left' AND e.wish_id IS NOT NULL
    AND (e.wish_id = ANY ($2::uuid[]) OR e.wish_id = ANY ($3::uuid[]) AND e.set_aside_at IS NOT NULL)
ORDER BY e.rank LIMIT $4
