-- Read the contact of one user's newest entry in one list; the number is null for a user who never had an entry.
-- Return no row if there is no such list. Locks nothing.
SELECT i.organization_id, i.offer_id, i.representation_id, newest.number, c.email, c.name, c.locale,
    c.verified_at IS NOT NULL AS email_verified, c.unsubscribed_at IS NULL AS subscribed
FROM inventory i
LEFT JOIN LATERAL (
    SELECT e.number FROM entries e
    WHERE e.list_id = $1 AND e.user_id = $2 ORDER BY e.left_at DESC, e.number DESC LIMIT 1
) AS newest ON true
LEFT JOIN contacts c ON c.list_id = $1 AND c.number = newest.number
WHERE i.list_id = $1
