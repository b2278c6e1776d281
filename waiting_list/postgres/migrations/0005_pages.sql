-- Pages: organizers and fans sign in; why somebody was moved; how fast a line moves.

-- Who is signed in to the dashboard: whoever had this API key. session_hash is of what their cookie holds.
CREATE TABLE sessions (
    session_hash bytea PRIMARY KEY,
    key_id text NOT NULL REFERENCES api_keys,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Who asked to sign in by e-mail, until the link is used or has expired. The link is derived from the deployment's
-- secret and sign_in_id, which is the notice's as well. next is the page that the fan came from.
CREATE TABLE sign_ins (
    sign_in_id uuid PRIMARY KEY,
    organization_id text NOT NULL CHECK (char_length(organization_id) BETWEEN 1 AND 200),
    email text NOT NULL,
    locale text NOT NULL,
    next text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ins_by_email ON sign_ins (organization_id, lower(email), created_at);
CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);

-- Why an organizer moved somebody. It may speak of a person, so it goes when the person is erased.
ALTER TABLE history ADD COLUMN reason text;
-- To forget them is to find the few changes that have one, not to read a list's history.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX history_reasons ON history (list_id, number) WHERE reason IS NOT NULL;

-- How fast a line moves is read from whose turn came, and from nothing else.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX history_promotions ON history (list_id, at) WHERE verb = 'promote';
