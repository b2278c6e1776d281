-- Read the contacts of one user's entries in the lists of one organization.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, c.number, c.email, c.name, c.locale,
    c.verified_at IS NOT NULL AS email_verified, c.unsubscribed_at IS NULL AS subscribed
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
JOIN contacts c ON c.list_id = e.list_id AND c.number = e.number
WHERE e.user_id = $1 AND i.organization_id = $2
ORDER BY c.list_id, c.number
