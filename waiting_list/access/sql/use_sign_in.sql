-- Uses a link to sign in: it is good once.
-- Locks its row.
DELETE FROM sign_ins WHERE sign_in_id = $1 AND expires_at > statement_timestamp()
RETURNING organization_id, email, locale, next
