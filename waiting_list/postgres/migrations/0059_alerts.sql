-- Who wants one letter when a list takes fans. number is the order of asking; told_at, when the letter was written. A row goes
-- when its letter has gone out, and with its list. Additions only: the version before goes on as before.
CREATE TABLE alerts (
    list_id uuid NOT NULL,
    number bigint NOT NULL,
    alert_id uuid NOT NULL,
    organization_id text NOT NULL,
    mailbox text NOT NULL,
    fan_id text NOT NULL,
    email text NOT NULL,
    locale text NOT NULL,
    asked_at timestamptz NOT NULL,
    told_at timestamptz,
    PRIMARY KEY (list_id, number)
);
CREATE UNIQUE INDEX alerts_mailbox ON alerts (list_id, mailbox);
CREATE UNIQUE INDEX alerts_id ON alerts (list_id, alert_id);
CREATE INDEX alerts_untold ON alerts (list_id, number) WHERE told_at IS NULL;

-- Lists that have begun to take fans, and have alerts to tell. The worker writes the letters, and then deletes the row.
CREATE TABLE openings (
    list_id uuid NOT NULL PRIMARY KEY,
    opened_at timestamptz NOT NULL
);
