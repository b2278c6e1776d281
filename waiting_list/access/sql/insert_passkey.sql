-- Add a passkey to a member who is present; no row for a known credential, or for a member who was removed.
-- Locks the new row.
INSERT INTO member_passkeys (
    passkey_id, member_id, name, credential_id, public_key, sign_count, transports, is_backed_up, created_at
)
SELECT $2, m.member_id, $3, $4, $5, $6, $7, $8, statement_timestamp()
FROM members m
WHERE m.member_id = $1 AND m.removed_at IS NULL
ON CONFLICT DO NOTHING
RETURNING passkey_id
