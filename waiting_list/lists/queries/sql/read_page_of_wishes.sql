-- Read the wishes over several lists of one user ($2) of one organization ($1), the newest first, after the wish of $3 and $4.
-- Locks nothing.
SELECT w.wish_id, w.user_id, w.choice, w.lists, w.created_at, w.done_list_id
FROM wishes w
WHERE w.organization_id = $1 AND w.user_id = $2
    AND ($3::timestamptz IS NULL OR (w.created_at, w.wish_id) < ($3, $4::uuid))
ORDER BY w.created_at DESC, w.wish_id DESC LIMIT $5
