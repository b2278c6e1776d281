-- Read a wish with an entry or a claim in one list ($1) whose claim and entries contradict each other, and what is wrong. A
-- change that lists have not heeded yet excuses the entries that wait for it. Locks nothing.
SELECT w.wish_id, f.wrong
FROM (
    SELECT e.wish_id FROM entries e WHERE e.list_id = $1 AND e.wish_id IS NOT NULL AND e.status <> 'left'
    UNION
    SELECT x.wish_id FROM wishes x WHERE x.held_list_id = $1
) AS s
JOIN wishes w ON w.wish_id = s.wish_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.status = 'ready') AS holds,
        count(*) FILTER (WHERE e.status = 'ready' AND e.list_id = w.held_list_id AND e.number = w.held_number) AS claimed,
        count(*) FILTER (WHERE e.set_aside_at IS NOT NULL AND coalesce(w.held_list_id, e.list_id) = e.list_id
            AND coalesce(w.done_list_id, e.list_id) = e.list_id) AS aside,
        count(*) FILTER (WHERE w.done_list_id <> e.list_id) AS left_over
    FROM entries e WHERE e.list_id = ANY (w.lists) AND e.wish_id = w.wish_id AND e.status <> 'left'
) AS c
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN $1 <> ALL (w.lists) THEN 'does not name the list'
        WHEN w.choice <> 'keep_until_bought' AND c.holds > 1 THEN 'has several holds'
        WHEN w.choice <> 'keep_until_bought' AND c.holds <> c.claimed THEN 'has a hold that it does not name'
        WHEN w.held_list_id IS NOT NULL AND c.claimed = 0 THEN 'names a hold that is over'
        WHEN w.heeded = w.changes AND c.aside > 0 THEN 'is held nowhere, and an entry waits for it'
        WHEN w.heeded = w.changes AND c.left_over > 0 THEN 'is fulfilled, and an entry is left over'
    END AS wrong
) AS f
WHERE f.wrong IS NOT NULL
ORDER BY w.wish_id LIMIT 1
