-- Copy contacts from old entries of one list to the new entries of requeued users, without the private links.
-- Locks the new rows; runs under the list's lock.
INSERT INTO contacts (list_id, number, email, name, locale, verified_at, unsubscribed_at, mailbox, sole_place,
    link_version, joined_from)
SELECT l.list_id, n.number, c.email, c.name, c.locale, c.verified_at, c.unsubscribed_at, c.mailbox, n.sole_place,
    n.link_version, c.joined_from
FROM inventory l
CROSS JOIN unnest($2::bigint[], $3::bigint[], $4::boolean[], $5::integer[])
    AS n (number, source, sole_place, link_version)
CROSS JOIN LATERAL (
    SELECT x.email, x.name, x.locale, x.verified_at, x.unsubscribed_at, x.mailbox, x.joined_from
    FROM contacts x
    WHERE x.list_id = $1 AND x.number = n.source LIMIT 1
) AS c
WHERE l.list_id = $1
