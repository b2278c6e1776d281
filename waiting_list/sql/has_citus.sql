-- Whether the database can distribute tables.
-- Locks nothing.
SELECT to_regproc('create_distributed_table') IS NOT NULL
