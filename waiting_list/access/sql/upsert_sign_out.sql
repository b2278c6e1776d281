-- End all tokens that a user has by now. The next sign-out gets a later time, even if the clock was set back.
-- Locks the user's row.
INSERT INTO sign_outs AS s (user_hash, signed_out_at) VALUES ($1, clock_timestamp())
ON CONFLICT (user_hash) DO UPDATE
SET signed_out_at = greatest(
    excluded.signed_out_at, to_timestamp(extract(epoch FROM s.signed_out_at - 'epoch'::timestamptz) + 0.000001)
)
RETURNING signed_out_at
