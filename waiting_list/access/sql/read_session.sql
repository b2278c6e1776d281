-- Read the organization, API key and scopes of a session, if session and API key are valid.
-- Locks nothing.
SELECT
    k.organization_id, k.key_id, k.scopes
FROM sessions s
JOIN api_keys k ON k.key_id = s.key_id
CROSS JOIN (SELECT clock_timestamp() AS now) AS n
WHERE
    s.session_hash = $1 AND s.expires_at > n.now
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > n.now)
