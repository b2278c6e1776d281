-- Store that a mailbox refuses e-mails of an organization, and since when.
-- Locks that row.
INSERT INTO suppressions (organization_id, mailbox_hash, suppressed_at) VALUES ($1, $2, $3)
ON CONFLICT (organization_id, mailbox_hash) DO NOTHING
