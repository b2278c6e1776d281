-- Read some wishes over several lists ($2) of one organization ($1).
-- Locks nothing.
SELECT w.wish_id, w.user_id, w.choice, w.lists, w.created_at, w.done_list_id
FROM wishes w
WHERE w.organization_id = $1 AND w.wish_id = ANY ($2::uuid[])
