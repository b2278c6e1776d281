-- Forget that e-mails are sent, unless a worker that sends them was seen within $1.
-- Locks the one row.
DELETE FROM mail_seen WHERE seen_at < statement_timestamp() - $1::interval
