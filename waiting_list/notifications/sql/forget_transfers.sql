-- Forget whom to tell of these accepted offers ($2) of one list: the letters have gone out, or never will.
-- Locks those rows.
UPDATE transfers t SET mailbox = NULL, email = NULL, locale = NULL
WHERE t.list_id = $1 AND t.transfer_id = ANY ($2::uuid[]) AND t.transferred_at IS NOT NULL
