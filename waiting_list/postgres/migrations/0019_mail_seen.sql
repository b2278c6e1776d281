-- Whether this deployment sends e-mails: its one row is there while a worker with a mail server has been seen. Every
-- process reads it, because a shell or another machine may not have the mail settings.
CREATE TABLE mail_seen (
    is_only boolean PRIMARY KEY CHECK (is_only),
    seen_at timestamptz NOT NULL
);
