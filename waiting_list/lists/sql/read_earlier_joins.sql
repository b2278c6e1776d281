-- Read when each of these users ($2) made their $4th latest join of one list, if later than $3.
-- A requeue does not count as a join. Locks nothing: runs under the list's lock.
SELECT u.user_id, e.joined_at
FROM unnest($2::text[]) AS u (user_id)
CROSS JOIN LATERAL (
    SELECT j.joined_at
    FROM (
        SELECT x.number, x.joined_at,
            coalesce(
                lag(x.left_reason) OVER earlier = 'expired' AND lag(x.left_at) OVER earlier = x.joined_at, FALSE
            ) AS is_requeued
        FROM entries x WHERE x.list_id = $1 AND x.user_id = u.user_id
        WINDOW earlier AS (ORDER BY x.number)
    ) AS j
    WHERE j.joined_at > $3 AND NOT j.is_requeued
    ORDER BY j.number DESC OFFSET $4::int - 1 LIMIT 1
) AS e
