-- End all tokens that a user has by now. The next sign-out gets a later time, even if the clock was set back.
-- Locks the user's row.
INSERT INTO sign_outs AS s (user_hash, signed_out_at) VALUES ($1, clock_timestamp())
ON CONFLICT (user_hash) DO UPDATE
SET signed_out_at = greatest(clock_timestamp(), s.signed_out_at + interval '1 microsecond')
RETURNING signed_out_at
