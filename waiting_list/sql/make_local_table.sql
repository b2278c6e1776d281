-- Leaves a table where it is, and lets every node see it.
-- Locks the table.
SELECT citus_add_local_table_to_metadata($1::text::regclass)
