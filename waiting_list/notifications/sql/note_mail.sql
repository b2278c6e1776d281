-- Note that a worker which sends e-mails runs now, and how it sends them ($1).
-- Locks the one row.
INSERT INTO mail_seen (is_only, seen_at, transport) VALUES (true, statement_timestamp(), $1)
ON CONFLICT (is_only) DO UPDATE SET seen_at = excluded.seen_at, transport = excluded.transport
