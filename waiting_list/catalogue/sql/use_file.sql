-- Note that an image names a file from now on; no row if the file is being deleted.
-- Locks the file's row.
DELETE FROM unused_files WHERE file = $1 RETURNING file
