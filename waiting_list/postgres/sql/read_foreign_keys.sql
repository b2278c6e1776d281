-- The foreign keys of these tables, as the statements that drop them and add them again.
-- Locks nothing.
SELECT
    'ALTER TABLE ' || c.conrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(c.conname) AS drop_it,
    'ALTER TABLE ' || c.conrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(c.conname) || ' '
    || pg_get_constraintdef(c.oid) AS add_it
FROM pg_constraint c
WHERE c.contype = 'f' AND c.conparentid = 0 AND c.conrelid = ANY ($1::text[]::regclass[])
ORDER BY c.conname
