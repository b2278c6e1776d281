-- End sessions by their hashes.
-- Locks those rows.
DELETE FROM sessions WHERE session_hash = ANY ($1::bytea[])
