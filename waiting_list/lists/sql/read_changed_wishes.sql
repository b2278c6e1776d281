-- Read the wishes that have changed since all lists paid heed to them.
-- Locks nothing.
SELECT w.wish_id, w.changes, w.lists, w.held_list_id, w.done_list_id FROM wishes w WHERE w.heeded < w.changes
