-- Make entries that have left one list give up the sole place of their mailbox. Then another entry can have it.
-- Locks those rows; runs under the list's lock.
UPDATE contacts SET sole_place = false
WHERE list_id = $1 AND number = ANY ($2::bigint[]) AND sole_place
RETURNING number
