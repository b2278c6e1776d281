-- Read who the entries with these numbers ($2) of one list belong to, as far as their contacts say.
-- Locks nothing.
SELECT c.number, NULL::text AS user_id, c.name, c.email, c.locale, c.verified_at IS NOT NULL AS email_verified,
    c.unsubscribed_at IS NULL AS subscribed
FROM contacts c
WHERE c.list_id = $1 AND c.number = ANY ($2::bigint[])
