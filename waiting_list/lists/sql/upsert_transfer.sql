-- Note to whom the user of one entry offers it, in place of an earlier offer; return no row if it was given on before.
-- Locks that row; runs under the list's lock.
INSERT INTO transfers AS t (list_id, number, transfer_id, organization_id, mailbox, email, locale, offered_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (list_id, number) DO UPDATE
SET transfer_id = excluded.transfer_id, mailbox = excluded.mailbox, email = excluded.email, locale = excluded.locale,
    offered_at = excluded.offered_at, expires_at = excluded.expires_at
WHERE t.transferred_at IS NULL
RETURNING t.number
