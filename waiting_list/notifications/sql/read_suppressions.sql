-- Read which of these mailboxes refuse e-mails of an organization, and since when.
-- Locks nothing.
SELECT mailbox_hash, suppressed_at FROM suppressions WHERE organization_id = $1 AND mailbox_hash = ANY ($2::bytea[])
