-- The newest applied migration, and the oldest version of the code that can work with all of them.
-- Locks nothing.
SELECT coalesce(max(m.version), 0) AS newest, coalesce(max(m.works_from), 0) AS works_from
FROM schema_migrations m
