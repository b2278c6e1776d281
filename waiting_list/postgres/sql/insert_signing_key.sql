-- Gives the deployment a signing key for a purpose that has none.
-- Locks the new row only; who comes second keeps the first one's key.
INSERT INTO signing_keys (purpose, key_id, secret, created_at) VALUES ($1, $2, $3, now())
ON CONFLICT (purpose) DO NOTHING
