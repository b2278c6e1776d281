-- Distribute a table by list, so that each list is on the node that has its rows of another table ($2).
-- Locks the table.
SELECT create_distributed_table($1::text::regclass, 'list_id', colocate_with := $2::text)
