-- Delete these wishes ($1).
-- Locks the rows, and is the only statement of its transaction.
DELETE FROM wishes w WHERE w.wish_id = ANY ($1::uuid[])
