-- Ends a transaction of which nothing is to stay.
-- Locks nothing, and frees what it had locked.
ROLLBACK
