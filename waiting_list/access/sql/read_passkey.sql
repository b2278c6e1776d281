-- Read the public key of a credential and whose it is, if the member is present.
-- Locks nothing.
SELECT p.member_id, p.public_key
FROM member_passkeys p
JOIN members m ON m.member_id = p.member_id
WHERE p.credential_id = $1 AND m.removed_at IS NULL
