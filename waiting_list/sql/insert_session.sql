-- Signs somebody in with an API key, for so long from now on.
-- Locks the new row.
INSERT INTO sessions (session_hash, key_id, created_at, expires_at)
SELECT $1, $2, c.now, c.now + $3::interval FROM (SELECT clock_timestamp() AS now) AS c
