-- Allow e-mails of an organization to a mailbox again.
-- Locks that row.
DELETE FROM suppressions WHERE organization_id = $1 AND mailbox_hash = $2
