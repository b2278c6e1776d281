-- An API key that was not revoked.
-- Locks nothing.
SELECT k.organization_id, k.secret_hash, k.read_only FROM api_keys k
WHERE k.key_id = $1 AND k.revoked_at IS NULL
