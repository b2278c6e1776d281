-- When all tokens of these users were last ended, if they ever were.
-- Locks nothing.
SELECT s.user_hash, s.signed_out_at FROM sign_outs s WHERE s.user_hash = ANY ($1)
