-- Delete expired sessions and sign-in links, of fans and of members. Used challenges of passkeys stay an hour longer, so that a
-- sign-in under way finds them. Locks those rows; concurrent runs are safe.
WITH old AS (
    DELETE FROM sign_ins WHERE expires_at < statement_timestamp()
),
old_links AS (
    DELETE FROM member_links WHERE expires_at < statement_timestamp()
),
old_challenges AS (
    DELETE FROM passkey_challenges WHERE expires_at < statement_timestamp() - interval '1 hour'
)
DELETE FROM sessions WHERE expires_at < statement_timestamp()
