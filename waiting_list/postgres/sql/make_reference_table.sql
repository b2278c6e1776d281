-- Copies a table to every node.
-- Locks the table.
SELECT create_reference_table($1::text::regclass)
