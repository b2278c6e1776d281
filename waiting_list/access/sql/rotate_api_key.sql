-- Make a valid API key expire after $3 at the latest, because another key replaces it.
-- Locks the key's row.
UPDATE api_keys k SET expires_at = least(k.expires_at, now() + $3::interval)
WHERE
    k.organization_id = $1 AND k.key_id = $2
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
RETURNING
    k.name, k.lifetime, k.scopes
