-- Whether fans may give their places to other persons, and to whom they have offered them. Additions only: the version before
-- goes on as before.
ALTER TABLE inventory ADD COLUMN transfer boolean NOT NULL DEFAULT false;

-- One row for each entry that is offered, or was given on. mailbox, email and locale are those of who is offered it; after it
-- was accepted (transferred_at), of who has yet to be told of that, and then NULL.
CREATE TABLE transfers (
    list_id uuid NOT NULL,
    number bigint NOT NULL,
    transfer_id uuid NOT NULL,
    organization_id text NOT NULL,
    mailbox text,
    email text,
    locale text,
    offered_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    transferred_at timestamptz,
    PRIMARY KEY (list_id, number)
);
CREATE UNIQUE INDEX transfers_id ON transfers (list_id, transfer_id);
CREATE INDEX transfers_by_expiry ON transfers (expires_at) WHERE transferred_at IS NULL;
