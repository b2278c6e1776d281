-- Revoke an API key; a revoked key keeps the time of its first revocation.
-- Locks the key's row.
UPDATE api_keys k SET revoked_at = least(k.revoked_at, now())
WHERE k.organization_id = $1 AND k.key_id = $2
RETURNING
    k.key_id, k.name, k.scopes,
    k.created_at, k.expires_at, k.last_used_at, k.revoked_at
