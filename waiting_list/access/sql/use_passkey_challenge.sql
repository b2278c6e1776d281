-- Use up a challenge of a passkey; no row if it was used before, or has expired by the clock of the database.
-- Locks the new row.
INSERT INTO passkey_challenges (challenge, expires_at)
SELECT $1, $2::timestamptz WHERE $2::timestamptz > statement_timestamp()
ON CONFLICT DO NOTHING
RETURNING challenge
