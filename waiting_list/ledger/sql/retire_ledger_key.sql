-- End the use of the key that signs checkpoints, and forget its private part.
-- Locks the row.
UPDATE ledger_keys SET private_key = NULL, retired_at = now() WHERE retired_at IS NULL
