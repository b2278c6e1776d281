-- Store a message to fans of one list.
-- Locks the new row; runs under the list's lock.
INSERT INTO messages (list_id, message_id, created_at, subject, content, counts) VALUES ($1, $2, $3, $4, $5, $6)
