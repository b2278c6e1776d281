-- Whose session this is, while it lasts and its API key is good.
-- Locks nothing.
SELECT k.organization_id, k.key_id, k.read_only
FROM sessions s
JOIN api_keys k ON k.key_id = s.key_id
WHERE s.session_hash = $1 AND s.expires_at > clock_timestamp() AND k.revoked_at IS NULL
