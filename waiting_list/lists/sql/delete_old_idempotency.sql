-- Forgets answers older than a day.
-- Locks those rows; several at once do no harm.
DELETE FROM idempotency WHERE created_at < now() - interval '24 hours'
