-- Passkeys of members (WebAuthn), and the challenges that were used up with them. The version before knows neither; a member
-- whom it removes keeps rows that sign in no more.

-- sign_count is what the authenticator counted at its last use; many always say 0. used_at is NULL until the first sign-in.
CREATE TABLE member_passkeys (
    passkey_id text PRIMARY KEY,
    member_id text NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    transports text[] NOT NULL,
    name text NOT NULL,
    is_backed_up boolean NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz
);
-- A sign-in knows only the credential.
CREATE UNIQUE INDEX member_passkeys_credential ON member_passkeys (credential_id);
CREATE INDEX member_passkeys_by_member ON member_passkeys (member_id, created_at, passkey_id);

-- A challenge proves by itself that it is ours and when it ends, so only those that were used are stored.
CREATE TABLE passkey_challenges (
    challenge bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
