-- Ends a session.
-- Locks its row.
DELETE FROM sessions WHERE session_hash = $1
