-- Delete expired sessions and expired sign-in links, of fans and of members.
-- Locks those rows; concurrent runs are safe.
WITH old AS (
    DELETE FROM sign_ins WHERE expires_at < statement_timestamp()
),
old_links AS (
    DELETE FROM member_links WHERE expires_at < statement_timestamp()
)
DELETE FROM sessions WHERE expires_at < statement_timestamp()
