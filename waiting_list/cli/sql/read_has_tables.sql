-- Whether this database has been migrated, to whichever schema.
-- Locks nothing.
SELECT to_regclass('schema_migrations') IS NOT NULL
