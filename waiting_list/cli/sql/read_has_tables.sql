-- Check whether the database has the service's table of migrations, in any version of the schema.
-- Locks nothing.
SELECT to_regclass('schema_migrations') IS NOT NULL
