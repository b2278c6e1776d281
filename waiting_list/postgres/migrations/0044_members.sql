-- People of an organization who sign in to the dashboard, each with a role, and their sign-in links. A session belongs to an
-- API key or to a member. The version before goes on with the sessions of keys, and does not know those of members.

-- email is NULL once the member is removed. name is NULL a year later. joined_at is NULL until the first sign-in.
CREATE TABLE members (
    member_id text PRIMARY KEY,
    organization_id text NOT NULL CONSTRAINT members_organization CHECK (char_length(organization_id) BETWEEN 1 AND 200),
    email text,
    name text,
    role text NOT NULL CONSTRAINT members_role CHECK (role IN ('owner', 'manager', 'box_office', 'viewer')),
    created_at timestamptz NOT NULL,
    joined_at timestamptz,
    seen_at timestamptz,
    removed_at timestamptz,
    CONSTRAINT members_removed CHECK ((removed_at IS NULL) = (email IS NOT NULL))
);
-- One member for each address of an organization. By address first, because a sign-in knows only that.
CREATE UNIQUE INDEX members_address ON members (lower(email), organization_id);
CREATE INDEX members_by_organization ON members (organization_id, created_at, member_id);

-- Links that sign a member in once. The token is derived from the deployment's secret and link_id. With member_id, the link is
-- for this member alone, else for all members with this address, who may be none.
CREATE TABLE member_links (
    link_id uuid PRIMARY KEY,
    member_id text,
    email text NOT NULL,
    locale text NOT NULL,
    next text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX member_links_by_expiry ON member_links (expires_at);

-- Only sessions of members have none, and the version before reads sessions by their key.
-- squawk-ignore ban-drop-not-null
ALTER TABLE sessions ALTER COLUMN key_id DROP NOT NULL;
ALTER TABLE sessions
    ADD COLUMN member_id text,
    ADD COLUMN browser text,
    ADD COLUMN seen_at timestamptz;
ALTER TABLE sessions ADD CONSTRAINT sessions_holder CHECK ((key_id IS NULL) <> (member_id IS NULL)) NOT VALID;
-- Sessions end with their member, and a member sees them. The table is small: a session ends after two weeks at most.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX sessions_by_member ON sessions (member_id);
