-- The tables of the service's schema, and whether each is distributed.
-- Locks nothing.
SELECT t.relname::text AS name, p.logicalrelid IS NOT NULL AS is_distributed
FROM pg_class t
LEFT JOIN pg_dist_partition p ON p.logicalrelid = t.oid
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r'
ORDER BY t.relname
