-- Use up a sign-in link, so that it works once.
-- Locks its row.
DELETE FROM sign_ins WHERE sign_in_id = $1 AND expires_at > statement_timestamp()
RETURNING organization_id, email, locale, next
