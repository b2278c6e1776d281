-- Adds an API key. A version before this one sees a key that may not do all as one that may only read.
-- Locks the new row.
INSERT INTO api_keys (key_id, organization_id, name, secret_hash, read_only, scopes, lifetime, created_at, expires_at)
SELECT $1, $2, $3, $4, NOT 'admin' = ANY ($5::text[]), $5, $6::interval, n.now, n.now + $6::interval
FROM (SELECT now() AS now) AS n
RETURNING key_id, name, scopes, created_at, expires_at, last_used_at, revoked_at
