-- Insert or replace contacts of entries of one list. Another address is subscribed anew, and ends the private link.
-- Locks those rows; runs under the list's lock.
INSERT INTO contacts AS c (list_id, number, email, name, locale, verified_at, mailbox, sole_place,
    link_version, joined_from)
SELECT l.list_id, n.number, n.email, n.name, n.locale, n.verified_at, n.mailbox, n.sole_place,
    n.link_version, n.joined_from
FROM inventory l
CROSS JOIN unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bytea[], $8::boolean[],
    $9::integer[], $10::bigint[])
    AS n (number, email, name, locale, verified_at, mailbox, sole_place, link_version, joined_from)
WHERE l.list_id = $1
ON CONFLICT (list_id, number) DO UPDATE
SET email = excluded.email, name = excluded.name, locale = excluded.locale, verified_at = excluded.verified_at,
    mailbox = excluded.mailbox, sole_place = excluded.sole_place,
    joined_from = CASE WHEN excluded.verified_at IS NULL THEN c.joined_from END,
    unsubscribed_at = CASE WHEN c.email = excluded.email THEN c.unsubscribed_at END,
    link_hash = CASE WHEN coalesce(c.email = excluded.email, c.email IS NULL) THEN c.link_hash END,
    link_version = CASE WHEN coalesce(c.email = excluded.email, c.email IS NULL) THEN c.link_version
        ELSE c.link_version + 1 END
