-- Read the wishes that have changed so that one list ($1) must look, as read_wishes does.
-- Locks nothing: runs under lock_wishes.
SELECT w.wish_id, w.user_id, w.lists, w.choice, w.held_list_id, w.done_list_id
FROM wishes w WHERE w.heeded < w.changes AND $1 = ANY (w.lists)
ORDER BY w.wish_id
