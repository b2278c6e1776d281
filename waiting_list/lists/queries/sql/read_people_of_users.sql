-- Read who these users ($2) are, as far as the contacts of their active entries in one list say.
-- Locks nothing.
SELECT c.number, e.user_id, c.name, c.email, c.locale, c.verified_at IS NOT NULL AS email_verified,
    c.unsubscribed_at IS NULL AS subscribed
FROM entries e
JOIN contacts c ON c.list_id = $1 AND c.number = e.number
WHERE e.list_id = $1 AND e.user_id = ANY ($2::text[]) AND e.status <> 'left'
