-- Read the sessions of an organization's members and API keys, the latest use first; those of member $2 alone unless NULL.
-- Locks nothing.
SELECT
    s.session_hash, s.key_id, s.member_id, coalesce(m.name, k.name) AS name, s.browser, s.created_at,
    coalesce(s.seen_at, s.created_at) AS seen_at, s.expires_at
FROM sessions s
LEFT JOIN api_keys k ON k.key_id = s.key_id
LEFT JOIN members m ON m.member_id = s.member_id
CROSS JOIN (SELECT clock_timestamp() AS now) AS n
WHERE
    coalesce(k.organization_id, m.organization_id) = $1 AND ($2::text IS NULL OR s.member_id = $2)
    AND s.expires_at > n.now AND m.removed_at IS NULL
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > n.now)
ORDER BY seen_at DESC, s.session_hash
