-- Check whether the database refuses writes: on a standby, or where transactions are read-only by default.
-- Locks nothing.
SELECT current_setting('transaction_read_only')::boolean
