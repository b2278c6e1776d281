-- Insert the deployment's signing key for a purpose that has no key.
-- Locks the new row only; a second process keeps the key of the first.
INSERT INTO signing_keys (purpose, key_id, secret, created_at) VALUES ($1, $2, $3, now())
ON CONFLICT (purpose) DO NOTHING
