-- Read who entries of several lists belong to, by list and number, as far as their contacts say. A statement of its own,
-- because Citus joins no more tables to read_found_entries.sql. Locks nothing.
SELECT c.list_id, c.number, NULL::text AS user_id, c.name, c.email, c.locale, c.verified_at IS NOT NULL AS email_verified,
    c.unsubscribed_at IS NULL AS subscribed
FROM unnest($1::uuid[], $2::bigint[]) AS page (list_id, number)
JOIN contacts c ON c.list_id = page.list_id AND c.number = page.number
