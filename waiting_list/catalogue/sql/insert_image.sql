-- Keep an image, and return the file that has its bytes. One that is kept already counts as new, and keeps its file.
-- Locks the image's row.
INSERT INTO images AS i (image, organization_id, content, small, stored, created_at)
VALUES ($1, $2, $3, $4, $5, statement_timestamp())
ON CONFLICT (image) DO UPDATE SET created_at = excluded.created_at
RETURNING i.stored
