-- Commit the transaction.
-- Locks nothing, and frees the locks of the transaction.
COMMIT
