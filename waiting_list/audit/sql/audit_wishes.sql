-- Read these wishes ($2), and those that name a hold in one list ($1).
-- Locks nothing.
SELECT w.wish_id, w.choice, w.lists, w.held_list_id, w.held_number, w.done_list_id, w.heeded = w.changes AS is_heeded
FROM wishes w WHERE w.held_list_id = $1 OR w.wish_id = ANY ($2::uuid[])
ORDER BY w.wish_id
