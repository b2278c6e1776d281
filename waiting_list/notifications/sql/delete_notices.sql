-- Delete some notices of one list.
-- Locks those rows.
DELETE FROM outbox WHERE list_id = $1 AND notice_id = ANY ($2::uuid[])
