-- Read the request to sign in that belongs to a link, if the link has not expired.
-- Locks nothing.
SELECT organization_id, email, locale, next FROM sign_ins WHERE sign_in_id = $1 AND expires_at > clock_timestamp()
