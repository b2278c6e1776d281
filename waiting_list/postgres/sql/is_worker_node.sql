-- Whether this is a worker node of a Citus cluster. Only a database with Citus has the table.
-- Locks nothing.
SELECT groupid <> 0 FROM pg_dist_local_group
