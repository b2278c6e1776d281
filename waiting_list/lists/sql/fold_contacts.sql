-- Store the mailboxes of verified addresses of one list, where the mailbox is still missing.
-- Locks those rows; runs under the list's lock.
UPDATE contacts c SET mailbox = n.mailbox
FROM unnest($2::bigint[], $3::bytea[]) AS n (number, mailbox)
WHERE c.list_id = $1 AND c.number = n.number AND c.mailbox IS NULL
