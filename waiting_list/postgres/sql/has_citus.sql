-- Whether the database can distribute tables.
-- Locks nothing.
SELECT to_regclass('pg_dist_partition') IS NOT NULL
