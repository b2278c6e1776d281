-- Change where the bytes of an image are, and return its name; no row if that has changed meanwhile.
-- Locks the image's row.
UPDATE images SET content = $2, small = $3, stored = $4 WHERE image = $1 AND stored IS NOT DISTINCT FROM $5
RETURNING image
