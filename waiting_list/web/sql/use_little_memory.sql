-- Limit the memory of this transaction's sorts, so that they use temporary files early.
-- Locks nothing.
SELECT set_config('work_mem', '64kB', true)
