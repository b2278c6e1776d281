-- Start a session of an API key or of a member, for the time $5.
-- Locks the new row.
INSERT INTO sessions (session_hash, key_id, member_id, browser, created_at, seen_at, expires_at)
SELECT $1, $2, $3, $4, n.now, n.now, n.now + $5::interval FROM (SELECT statement_timestamp() AS now) AS n
