-- Distributes a table by list, each list beside its row in another table.
-- Locks the table.
SELECT create_distributed_table($1::text::regclass, 'list_id', colocate_with := $2::text)
