-- Keep an image. One that is kept already counts as new, so that it is not deleted before it is shown.
-- Locks the image's row.
INSERT INTO images AS i (image, organization_id, content, small, created_at)
VALUES ($1, $2, $3, $4, statement_timestamp())
ON CONFLICT (image) DO UPDATE SET created_at = excluded.created_at
