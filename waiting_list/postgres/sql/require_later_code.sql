-- Record which migration the code must know to work with the database from now on.
-- Runs under lock_migrations, or try_lock_migrations.
UPDATE schema_migrations SET works_from = $2 WHERE version = $1
