-- Whether some worker of this deployment sends e-mails.
-- Locks nothing.
SELECT EXISTS (SELECT FROM mail_seen)
