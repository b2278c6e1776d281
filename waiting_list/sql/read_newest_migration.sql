-- The newest applied migration.
-- Locks nothing.
SELECT coalesce(max(version), 0) FROM schema_migrations
