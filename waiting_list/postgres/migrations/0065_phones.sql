-- Text messages: the gateway of an organization that sends them, and the phone numbers of entries. Additions only. A worker of
-- the version before gives up what is due to a gateway; such notices begin with the first gateway, so upgrade all workers first.

-- url is an https address, or that of an Apprise service; prefixes are the beginnings of numbers that the organization texts.
-- In the outbox, gateway_id is the receiver (webhook_id).
CREATE TABLE sms_gateways (
    organization_id text NOT NULL PRIMARY KEY,
    gateway_id text NOT NULL,
    url text NOT NULL,
    prefixes text[] NOT NULL,
    created_at timestamptz NOT NULL
);

-- codes counts the codes that were asked for, each another one; asked_at, when the last was; tries, the wrong answers to it.
-- by_link says that the number came by the private link, which ends with the link.
CREATE TABLE phones (
    list_id uuid NOT NULL,
    number bigint NOT NULL,
    phone text NOT NULL,
    locale text,
    by_link boolean NOT NULL,
    codes integer NOT NULL,
    asked_at timestamptz NOT NULL,
    tries integer NOT NULL,
    verified_at timestamptz,
    failed_at timestamptz,
    PRIMARY KEY (list_id, number)
);
