-- Insert a key that signs checkpoints, if none is in use.
-- Locks the new row; a second process keeps the key of the first.
INSERT INTO ledger_keys (key_id, private_key, public_key, created_at) VALUES ($1, $2, $3, now())
ON CONFLICT ((retired_at IS NULL)) WHERE retired_at IS NULL DO NOTHING
