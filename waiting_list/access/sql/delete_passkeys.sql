-- Delete the passkeys of a member; $2 alone unless NULL.
-- Locks those rows.
DELETE FROM member_passkeys p WHERE p.member_id = $1 AND ($2::text IS NULL OR p.passkey_id = $2)
RETURNING p.passkey_id
