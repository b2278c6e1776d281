-- One API key of an organization, without its secret.
-- Locks nothing.
SELECT
    k.key_id, k.name, k.scopes,
    k.created_at, k.expires_at, k.last_used_at, k.revoked_at
FROM api_keys k
WHERE k.organization_id = $1 AND k.key_id = $2
