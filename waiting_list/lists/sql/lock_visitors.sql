-- Insert or update a row for each of these persons ($2) in an event. One order keeps two batches from a deadlock.
-- Locks those rows until the transaction ends.
INSERT INTO event_visitors AS v (event_id, user_hash, locked_at)
SELECT $1, w.user_hash, $3 FROM unnest($2::bytea[]) AS w (user_hash)
ORDER BY w.user_hash
ON CONFLICT (event_id, user_hash) DO UPDATE SET locked_at = excluded.locked_at
