-- Read the keys that sign checkpoints, the one in use first.
-- Locks nothing.
SELECT k.key_id, k.private_key, k.public_key, k.created_at, k.retired_at FROM ledger_keys k
ORDER BY k.retired_at DESC NULLS FIRST
