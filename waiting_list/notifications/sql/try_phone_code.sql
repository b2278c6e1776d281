-- Count one answer to the code of a phone number of one entry, and verify the number if it is right ($4). Changes nothing if the
-- number has another code by now, or has had $5 wrong answers. Locks that row.
UPDATE phones
SET tries = CASE WHEN $4::boolean THEN tries ELSE tries + 1 END,
    verified_at = CASE WHEN $4::boolean THEN coalesce(verified_at, $6::timestamptz) END
WHERE list_id = $1 AND number = $2 AND codes = $3 AND tries < $5
RETURNING true
