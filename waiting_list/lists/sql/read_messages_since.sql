-- Read the messages of one list since $2, the oldest first, and the message $3 whenever it was.
-- Locks nothing: runs under the list's lock.
SELECT m.message_id, m.created_at, m.counts FROM messages m
WHERE m.list_id = $1 AND (m.created_at > $2 OR m.message_id = $3)
ORDER BY m.created_at
