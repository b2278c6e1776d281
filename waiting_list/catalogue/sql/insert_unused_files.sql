-- Note files of the store that no image names.
-- Locks nothing.
INSERT INTO unused_files (file, since) SELECT given.file, statement_timestamp() FROM unnest($1::text[]) given (file)
ON CONFLICT (file) DO NOTHING
