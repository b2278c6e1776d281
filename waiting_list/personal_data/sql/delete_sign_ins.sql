-- Delete requests to sign in, and the notices with their links.
-- Locks those rows.
WITH gone AS (
    DELETE FROM sign_ins WHERE sign_in_id = ANY ($2::uuid[])
)
DELETE FROM outbox WHERE list_id = $1 AND notice_id = ANY ($2::uuid[])
