-- The checksum of one applied migration.
-- Locks nothing.
SELECT checksum FROM schema_migrations WHERE version = $1
