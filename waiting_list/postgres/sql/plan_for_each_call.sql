-- Make PostgreSQL plan each call of this transaction's statements for the values of that call.
-- Locks nothing.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'on', true),
    set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)
