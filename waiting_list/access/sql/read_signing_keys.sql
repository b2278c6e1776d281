-- What this deployment signs with.
-- Locks nothing.
SELECT purpose, key_id, secret FROM signing_keys
