-- Read the last sign-out of each of these users; a user without one has no row.
-- Locks nothing.
SELECT s.user_hash, s.signed_out_at FROM sign_outs s WHERE s.user_hash = ANY ($1)
