-- Notes which mailboxes verified addresses of one list lead to.
-- Locks those rows; runs under the list's lock.
UPDATE contacts c SET mailbox = n.mailbox
FROM unnest($2::bigint[], $3::bytea[]) AS n (number, mailbox)
WHERE c.list_id = $1 AND c.number = n.number AND c.mailbox IS NULL
