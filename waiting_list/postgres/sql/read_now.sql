-- The database's clock.
-- Locks nothing.
SELECT clock_timestamp()
