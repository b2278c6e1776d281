-- The tables of the service's schema without their shards, and whether Citus knows each.
-- Locks nothing.
SELECT t.relname::text AS name, p.logicalrelid IS NOT NULL AS is_distributed
FROM pg_class t
LEFT JOIN pg_dist_partition p ON p.logicalrelid = t.oid
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' AND NOT relation_is_a_known_shard(t.oid)
ORDER BY t.relname
