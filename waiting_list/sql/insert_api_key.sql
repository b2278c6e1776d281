-- Adds an API key.
-- Locks the new row.
INSERT INTO api_keys (key_id, organization_id, name, secret_hash, read_only, created_at)
VALUES ($1, $2, $3, $4, $5, now())
RETURNING key_id, name, read_only, created_at, revoked_at
