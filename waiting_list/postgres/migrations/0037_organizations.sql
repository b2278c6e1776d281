-- What organizations say of themselves in e-mails and on pages of fans. An organization without a row has said nothing.
CREATE TABLE IF NOT EXISTS organizations (
    organization_id text PRIMARY KEY,
    sender_name text,
    reply_to text,
    contact text,
    footer text NOT NULL DEFAULT '{}'
);
