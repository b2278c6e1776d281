-- Who asked to sign in, while the link is good.
-- Locks nothing.
SELECT organization_id, email, locale, next FROM sign_ins WHERE sign_in_id = $1 AND expires_at > clock_timestamp()
