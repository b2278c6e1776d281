-- Start a session with an API key, for the time $3.
-- Locks the new row.
INSERT INTO sessions (session_hash, key_id, created_at, expires_at)
VALUES ($1, $2, statement_timestamp(), statement_timestamp() + $3::interval)
