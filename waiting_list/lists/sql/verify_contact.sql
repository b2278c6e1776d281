-- Mark the address of one entry as verified, and store its mailbox.
-- Locks that row; runs under the list's lock.
UPDATE contacts SET verified_at = coalesce(verified_at, $4), joined_from = NULL, mailbox = $5, sole_place = $6
WHERE list_id = $1 AND number = $2 AND email = $3
