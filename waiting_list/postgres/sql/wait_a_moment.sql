-- Lets this transaction wait a moment at most for a lock.
-- Locks nothing.
SELECT set_config('lock_timeout', '1s', true)
