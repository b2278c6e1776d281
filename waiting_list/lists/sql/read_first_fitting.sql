-- Read the first waiting entries after a rank ($2), with a minimum up to $3 and these values of unverified ($5), not paused,
-- and with $6 with an address that has not failed. Step through the minimums in use, and merge the first of each. Locks nothing: runs under the list's lock.
WITH RECURSIVE minimums AS (
    SELECT kind.unverified, (SELECT x.tickets_minimum FROM entries x
        WHERE x.list_id = $1 AND x.status = 'waiting' AND x.unverified = kind.unverified
            AND x.paused_at IS NULL AND x.set_aside_at IS NULL AND x.tickets_minimum <= $3::integer
        ORDER BY x.tickets_minimum LIMIT 1) AS tickets_minimum
    FROM unnest($5::boolean[]) AS kind (unverified)
    UNION ALL
    SELECT m.unverified, (SELECT x.tickets_minimum FROM entries x
        WHERE x.list_id = $1 AND x.status = 'waiting' AND x.unverified = m.unverified
            AND x.paused_at IS NULL AND x.set_aside_at IS NULL
            AND x.tickets_minimum <= $3::integer AND x.tickets_minimum > m.tickets_minimum
        ORDER BY x.tickets_minimum LIMIT 1)
    FROM minimums m WHERE m.tickets_minimum IS NOT NULL
)
SELECT e.number, e.user_id, e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held,
    e.rank, e.passed_over, e.unverified, e.joined_at, e.ready_at, e.ready_until, e.left_at, e.requeued,
    e.keep_waiting_for_rest, e.address_failed, e.paused_at, e.wish_id, e.set_aside_at
FROM minimums m
CROSS JOIN LATERAL (
    SELECT x.number, x.user_id, x.status, x.left_reason, x.tickets_wanted, x.tickets_minimum,
        x.tickets_held, x.rank, x.passed_over, x.unverified, x.joined_at, x.ready_at, x.ready_until, x.left_at,
        x.requeued, x.keep_waiting_for_rest, x.address_failed, x.paused_at, x.wish_id, x.set_aside_at
    FROM entries x
    WHERE x.list_id = $1 AND x.status = 'waiting' AND x.unverified = m.unverified
        AND x.tickets_minimum = m.tickets_minimum AND x.rank > $2 AND x.paused_at IS NULL AND x.set_aside_at IS NULL
        AND NOT ($6::boolean AND x.address_failed)
    ORDER BY x.rank LIMIT $4
) AS e
ORDER BY e.rank LIMIT $4
