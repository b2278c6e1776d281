-- The checksums of all applied migrations.
-- Locks nothing.
SELECT version, checksum FROM schema_migrations
