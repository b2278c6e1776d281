-- Limit each wait of this transaction for a lock to one second.
-- Locks nothing.
SELECT set_config('lock_timeout', '1s', true)
