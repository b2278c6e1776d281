-- The messages of organizers to the fans of a list: what they say, by language, and to how many. Their letters are in
-- the outbox and name the message.
CREATE TABLE IF NOT EXISTS messages (
    list_id uuid NOT NULL,
    message_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    subject text NOT NULL,
    content text NOT NULL,
    counts text NOT NULL,
    PRIMARY KEY (list_id, message_id)
);
