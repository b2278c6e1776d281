-- Read the signing keys of this deployment.
-- Locks nothing.
SELECT purpose, key_id, secret FROM signing_keys
