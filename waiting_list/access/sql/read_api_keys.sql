-- The API keys of one organization, without their secrets.
-- Locks nothing.
SELECT
    k.key_id, k.name, k.scopes,
    k.created_at, k.expires_at, k.last_used_at, k.revoked_at
FROM api_keys k
WHERE k.organization_id = $1 AND ($2::timestamptz IS NULL OR (k.created_at, k.key_id) > ($2, $3::text))
ORDER BY k.created_at, k.key_id LIMIT $4
