-- Read the wishes of a user ($2) of one organization ($1), the newest first, with the lists of each that exist, in the user's
-- order. Locks nothing.
SELECT w.wish_id, w.choice, w.created_at, w.done_at, w.held_list_id = i.list_id AS held, w.done_list_id = i.list_id AS done,
    i.offer_id, i.representation_id
FROM (
    SELECT x.wish_id, x.choice, x.created_at, x.done_at, x.held_list_id, x.done_list_id, l.list_id, l.place
    FROM wishes x
    CROSS JOIN LATERAL unnest(x.lists) WITH ORDINALITY AS l (list_id, place)
    WHERE x.organization_id = $1 AND x.user_id = $2
) AS w
JOIN inventory i ON i.list_id = w.list_id
ORDER BY w.created_at DESC, w.wish_id, w.place
