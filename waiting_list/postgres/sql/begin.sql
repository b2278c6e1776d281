-- Begin a transaction.
-- Locks nothing.
BEGIN
