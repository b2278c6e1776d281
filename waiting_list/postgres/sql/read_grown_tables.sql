-- Read the own tables that are ten times as large as when PostgreSQL last looked at their data, from 64 pages on.
-- Locks nothing.
SELECT c.oid::regclass::text AS name FROM pg_class c
WHERE c.relnamespace = (SELECT i.relnamespace FROM pg_class i WHERE i.oid = 'inventory'::regclass)
    AND c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')
    AND pg_relation_size(c.oid) / current_setting('block_size')::bigint > greatest(63, 10 * c.relpages)
