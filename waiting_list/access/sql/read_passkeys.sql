-- Read the passkeys of a member, the oldest first.
-- Locks nothing.
SELECT p.passkey_id, p.credential_id, p.transports, p.name, p.is_backed_up, p.created_at, p.used_at
FROM member_passkeys p
WHERE p.member_id = $1
ORDER BY p.created_at, p.passkey_id
