-- Read the contact of one entry.
-- Locks nothing.
SELECT c.email, c.name, c.locale, c.verified_at IS NOT NULL AS email_verified,
    c.unsubscribed_at IS NULL AS subscribed
FROM contacts c
WHERE c.list_id = $1 AND c.number = $2
