-- Read wishes from before $1 without an entry that names a person, $2 at most.
-- Locks nothing.
SELECT w.wish_id FROM wishes w
WHERE w.created_at < $1 AND NOT EXISTS (
    SELECT FROM entries e WHERE e.list_id = ANY (w.lists) AND e.wish_id = w.wish_id AND e.user_id IS NOT NULL
)
LIMIT $2
