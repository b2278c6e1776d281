-- Gives new entries of one list the contacts of others, whose users wait again. Private links are not copied.
-- Locks the new rows; runs under the list's lock.
INSERT INTO contacts (list_id, number, email, name, locale, verified_at, unsubscribed_at)
SELECT $1, n.number, c.email, c.name, c.locale, c.verified_at, c.unsubscribed_at
FROM unnest($2::bigint[], $3::bigint[]) AS n (number, source)
JOIN contacts c ON c.list_id = $1 AND c.number = n.source
