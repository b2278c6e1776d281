-- Distribute a table by list, over $2 shards.
-- Locks the table.
SELECT create_distributed_table($1::text::regclass, 'list_id', shard_count := $2::int)
