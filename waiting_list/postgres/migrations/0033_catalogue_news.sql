-- Changes around a list that its history, its webhooks and its people have still to learn of. A row is written in the
-- transaction of the change, and goes in that of the list.
CREATE TABLE list_news (
    list_id uuid NOT NULL,
    change_id uuid NOT NULL,
    verb text NOT NULL,
    actor text NOT NULL,
    changed_at timestamptz NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    PRIMARY KEY (list_id, change_id)
);

-- Who has had the letter about a change, so that a person in several lists gets one. person is an HMAC with a secret of the
-- deployment, another for each change. Without a foreign key: rows go after a day.
CREATE TABLE told_people (
    change_id uuid NOT NULL,
    person bytea NOT NULL,
    holds boolean NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (change_id, person, holds)
);
CREATE INDEX told_people_by_instant ON told_people (told_at);
