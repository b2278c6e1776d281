-- Delete stored responses older than a day.
-- Locks those rows; concurrent runs are safe.
DELETE FROM idempotency WHERE created_at < now() - interval '24 hours'
