-- Whether nothing can be written: on a standby, and where transactions are read-only by default.
-- Locks nothing.
SELECT current_setting('transaction_read_only')::boolean
