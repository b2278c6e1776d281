-- Has the statements of this transaction use files as soon as they can.
-- Locks nothing.
SELECT set_config('work_mem', '64kB', true)
