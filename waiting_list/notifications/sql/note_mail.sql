-- Note that a worker which sends e-mails runs now.
-- Locks the one row.
INSERT INTO mail_seen (is_only, seen_at) VALUES (true, statement_timestamp())
ON CONFLICT (is_only) DO UPDATE SET seen_at = excluded.seen_at
