-- Make PostgreSQL plan each call of this connection's statements for its values, by which Citus finds the node of a list.
-- Locks nothing.
SELECT set_config('plan_cache_mode', 'force_custom_plan', false)
