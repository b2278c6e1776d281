-- Read the API key or the member of a session with what they may do, if the session and its holder are valid.
-- Locks nothing.
SELECT
    coalesce(k.organization_id, m.organization_id) AS organization_id, k.key_id, k.scopes, m.member_id, m.role,
    coalesce(m.name, k.name) AS name, m.email, z.sender_name AS organization_name,
    coalesce(s.seen_at < n.now - interval '1 minute', TRUE) AS unnoted
FROM sessions s
LEFT JOIN api_keys k ON k.key_id = s.key_id
LEFT JOIN members m ON m.member_id = s.member_id
LEFT JOIN organizations z ON z.organization_id = coalesce(k.organization_id, m.organization_id)
CROSS JOIN (SELECT clock_timestamp() AS now) AS n
WHERE
    s.session_hash = $1 AND s.expires_at > n.now
    AND (
        k.key_id IS NOT NULL AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > n.now)
        OR m.member_id IS NOT NULL AND m.removed_at IS NULL
    )
