-- Revokes an API key; one that was revoked keeps its instant.
-- Locks the key's row.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
WHERE organization_id = $1 AND key_id = $2
RETURNING key_id, name, read_only, created_at, revoked_at
