-- Forget the files that no image has named for an hour, and return them: they are deleted before the commit.
-- Locks their rows, so that no image can name them meanwhile.
DELETE FROM unused_files WHERE since < statement_timestamp() - interval '1 hour' RETURNING file
