-- Let the other nodes ask the coordinator for a table that stays there.
-- Locks the table.
SELECT citus_add_local_table_to_metadata($1::text::regclass)
