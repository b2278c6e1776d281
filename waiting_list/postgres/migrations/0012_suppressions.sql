-- Mailboxes that want no more e-mails of an organization, whoever gives their address, and in which list. The hash is
-- keyed, and names nobody; it outlives the entries and the person's erasure, since the objection does.
CREATE TABLE suppressions (
    organization_id text NOT NULL,
    mailbox_hash bytea NOT NULL,
    suppressed_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, mailbox_hash)
);
