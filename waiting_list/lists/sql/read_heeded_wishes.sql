-- Read the changed wishes to which every list has paid heed, and up to which change: no entry of them has to leave, and none
-- is set aside in vain. Locks nothing.
SELECT w.wish_id, w.changes FROM wishes w
WHERE w.heeded < w.changes AND NOT EXISTS (
    SELECT FROM entries e
    WHERE e.list_id = ANY (w.lists) AND e.wish_id = w.wish_id AND e.status <> 'left'
        AND (w.done_list_id <> e.list_id OR e.set_aside_at IS NOT NULL
            AND coalesce(w.held_list_id, e.list_id) = e.list_id AND coalesce(w.done_list_id, e.list_id) = e.list_id)
)
