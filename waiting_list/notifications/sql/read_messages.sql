-- Read what some messages to fans of one list say.
-- Locks nothing.
SELECT m.message_id, m.subject, m.content FROM messages m WHERE m.list_id = $1 AND m.message_id = ANY ($2::uuid[])
