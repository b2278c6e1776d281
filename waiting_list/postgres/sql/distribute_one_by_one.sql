-- Make Citus work on one shard after the other in this transaction, because foreign keys to reference tables need it.
-- Locks nothing.
SELECT set_config('citus.multi_shard_modify_mode', 'sequential', true)
