-- Read these wishes: which list holds tickets for each, and which has fulfilled it.
-- Locks nothing: runs under lock_wishes.
SELECT w.wish_id, w.user_id, w.lists, w.choice, w.held_list_id, w.done_list_id FROM wishes w WHERE w.wish_id = ANY ($1::uuid[])
