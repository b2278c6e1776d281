-- Record a sign-in with a passkey; no row if its sign count has not grown, unless the authenticator counts nothing.
-- Locks its row.
UPDATE member_passkeys p SET sign_count = $2, is_backed_up = $3, used_at = statement_timestamp()
WHERE p.credential_id = $1 AND (p.sign_count < $2 OR p.sign_count = 0 AND $2 = 0)
RETURNING p.passkey_id
