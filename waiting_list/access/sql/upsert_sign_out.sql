-- Ends all tokens that a user has by now; a second time is later than the first, whatever the clock says.
-- Locks the user's row.
INSERT INTO sign_outs AS s (user_hash, signed_out_at) VALUES ($1, clock_timestamp())
ON CONFLICT (user_hash) DO UPDATE
SET signed_out_at = greatest(clock_timestamp(), s.signed_out_at + interval '1 microsecond')
RETURNING signed_out_at
