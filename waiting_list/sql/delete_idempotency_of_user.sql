-- Forgets the answers about one user of one list.
-- Locks those rows; runs under the list's lock.
DELETE FROM idempotency WHERE list_id = $1 AND user_id = $2
