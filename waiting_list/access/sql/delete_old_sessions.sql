-- Forgets sessions that are over, and links to sign in that nobody has used in time.
-- Locks those rows; several at once do no harm.
WITH old AS (
    DELETE FROM sign_ins WHERE expires_at < statement_timestamp()
)
DELETE FROM sessions WHERE expires_at < statement_timestamp()
