-- Adds an API key.
-- Locks the new row.
INSERT INTO api_keys (key_id, organization_id, name, secret_hash, scopes, lifetime, created_at, expires_at)
SELECT $1, $2, $3, $4, $5::text[], $6::interval, n.now, n.now + $6::interval
FROM (SELECT now() AS now) AS n
RETURNING key_id, name, scopes, created_at, expires_at, last_used_at, revoked_at
