-- One place for each verified mailbox. Additions only: the version before goes on as before. An index of
-- a table in use is built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction

-- Null: on where the list asks for verified addresses.
ALTER TABLE inventory ADD COLUMN IF NOT EXISTS one_place_per_address boolean;

-- Which mailbox a verified address leads to, its aliases folded: an HMAC with a secret of the deployment, another in
-- each list. Null until a list that has the rule needs it. sole_place: it was written under the rule, for an entry
-- that then was the only active one; whoever has the place after it takes that over.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS mailbox bytea;
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS sole_place boolean NOT NULL DEFAULT false;

DROP INDEX CONCURRENTLY IF EXISTS contacts_by_mailbox;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY contacts_by_mailbox ON contacts (list_id, mailbox) WHERE mailbox IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS contacts_sole_place;
-- squawk-ignore prefer-robust-stmts
CREATE UNIQUE INDEX CONCURRENTLY contacts_sole_place ON contacts (list_id, mailbox) WHERE sole_place;
DROP INDEX CONCURRENTLY IF EXISTS contacts_not_folded;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY contacts_not_folded ON contacts (list_id, number)
WHERE mailbox IS NULL AND verified_at IS NOT NULL;

-- From which network an entry was made, and what its address looks like: hashes with a key that is another in each
-- list. Without a foreign key: a row is written in the transaction of its entry, and entries are never deleted.
CREATE TABLE IF NOT EXISTS traces (
    list_id uuid NOT NULL,
    number bigint NOT NULL,
    network bigint,
    family bigint,
    PRIMARY KEY (list_id, number),
    CONSTRAINT traces_say_something CHECK (network IS NOT NULL OR family IS NOT NULL)
);
