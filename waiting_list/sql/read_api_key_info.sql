-- One API key of an organization, without its secret.
-- Locks nothing.
SELECT
    k.key_id, k.name,
    coalesce(k.scopes, CASE WHEN k.read_only THEN ARRAY['read'] ELSE ARRAY['admin'] END) AS scopes,
    k.created_at, k.expires_at, k.last_used_at, k.revoked_at
FROM api_keys k
WHERE k.organization_id = $1 AND k.key_id = $2
