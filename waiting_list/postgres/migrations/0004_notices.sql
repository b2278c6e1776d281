-- Telling people: contacts, links, notices and webhooks; and what a list asks of promotions and holds besides.

-- How long a hold lasts near the show, and when a deadline does not fall; whether promotion waits for a verified
-- address; what fans are told. hold_steps is {{days before the show, minutes}, …}, the farthest first.
ALTER TABLE inventory
    ADD COLUMN hold_steps integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN quiet_from text,
    ADD COLUMN quiet_until text,
    ADD COLUMN verify_email boolean NOT NULL DEFAULT false,
    ADD COLUMN reminder_minutes integer DEFAULT 60,
    ADD COLUMN purchase_url text;
-- The service is stopped while its schema changes, and the table has a row a list.
ALTER TABLE inventory
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT inventory_quiet_hours CHECK ((quiet_from IS NULL) = (quiet_until IS NULL)
        AND quiet_from ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
        AND quiet_until ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
        AND quiet_from <> quiet_until),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT inventory_reminder CHECK (reminder_minutes >= 1);

-- Whether the entry has an address that nobody has verified. Where the list asks for that, promotion passes it over:
-- each kind has its own order for each minimum, so that however many are passed over, none of them is read.
ALTER TABLE entries ADD COLUMN unverified boolean NOT NULL DEFAULT false;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX entries_fitting;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX entries_fitting ON entries (list_id, unverified, tickets_minimum, rank) WHERE status = 'waiting';

-- How the fan of an entry is reached, apart from the entry: nothing that lists entries can show it. link_hash is of
-- the private link that is good now; a higher link_version makes another.
CREATE TABLE contacts (
    list_id uuid NOT NULL,
    number bigint NOT NULL,
    email text,
    name text,
    locale text,
    verified_at timestamptz,
    unsubscribed_at timestamptz,
    link_version integer NOT NULL DEFAULT 1,
    link_hash bytea,
    PRIMARY KEY (list_id, number),
    CONSTRAINT contacts_entry FOREIGN KEY (list_id, number) REFERENCES entries (list_id, number)
);
CREATE UNIQUE INDEX contacts_link ON contacts (list_id, link_hash) WHERE link_hash IS NOT NULL;

-- Where an organization is told of changes (Standard Webhooks). types is empty where all are wanted. The secret is
-- derived from the deployment's and secret_version.
CREATE TABLE webhooks (
    webhook_id text PRIMARY KEY,
    organization_id text NOT NULL CHECK (char_length(organization_id) BETWEEN 1 AND 200),
    url text NOT NULL,
    description text NOT NULL,
    types text[] NOT NULL,
    notify_email text,
    secret_version integer NOT NULL DEFAULT 1,
    rotated_at timestamptz,
    created_at timestamptz NOT NULL,
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_reason text,
    CONSTRAINT webhooks_disabled CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
CREATE INDEX webhooks_by_organization ON webhooks (organization_id, created_at, webhook_id);

-- Notices, written in the transaction of their cause. The first form of this table never had a writer. list_id is the
-- list's, or for what is about no list one derived from the organization: hence no foreign key. A webhook's body is
-- what is sent; an e-mail has none, since it is written from what is true when it is sent. A pending row that is
-- being sent is due again later: whoever took it may not live to tell.
-- squawk-ignore ban-drop-table
DROP TABLE outbox;
CREATE TABLE outbox (
    list_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    organization_id text NOT NULL,
    webhook_id text,
    type text NOT NULL,
    number bigint,
    sequence bigint,
    body text,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'dead', 'dropped')),
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    tried_at timestamptz,
    ended_at timestamptz,
    answer_status integer,
    answer text,
    latency_ms integer,
    PRIMARY KEY (list_id, notice_id),
    CONSTRAINT outbox_ended CHECK ((status = 'pending') = (ended_at IS NULL))
);
CREATE INDEX outbox_due ON outbox (due_at, list_id) WHERE status = 'pending';
CREATE INDEX outbox_due_of_list ON outbox (list_id, coalesce(webhook_id, ''), due_at) WHERE status = 'pending';
CREATE INDEX outbox_of_entry ON outbox (number, list_id);
CREATE INDEX outbox_by_organization ON outbox (organization_id, created_at, notice_id);
CREATE INDEX outbox_by_webhook ON outbox (webhook_id, created_at, notice_id) WHERE webhook_id IS NOT NULL;
CREATE INDEX outbox_by_end ON outbox (ended_at) WHERE ended_at IS NOT NULL;

-- `derived`: what private links, the confirmation of an address and the secrets of webhooks are derived from.
-- squawk-ignore ban-drop-constraint
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_purpose_check,
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT signing_keys_purpose CHECK (purpose IN ('user_token', 'purchase_pass', 'derived'));
