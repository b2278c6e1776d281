-- Record that a session is in use.
-- Locks its row.
UPDATE sessions SET seen_at = statement_timestamp() WHERE session_hash = $1
