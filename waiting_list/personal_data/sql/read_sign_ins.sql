-- Read the requests to sign in to one organization's pages. Maintenance deletes expired ones.
-- Locks nothing.
SELECT s.sign_in_id, s.email, s.locale, s.next, s.created_at, s.expires_at FROM sign_ins s
WHERE s.organization_id = $1
ORDER BY s.created_at, s.sign_in_id
