-- Read an API key that is neither revoked nor expired; unnoted: its last recorded use is more than a minute ago.
-- Locks nothing.
SELECT
    k.organization_id, k.secret_hash, k.scopes,
    coalesce(k.last_used_at < n.now - interval '1 minute', TRUE) AS unnoted
FROM api_keys k, (SELECT clock_timestamp() AS now) AS n
WHERE k.key_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > n.now)
