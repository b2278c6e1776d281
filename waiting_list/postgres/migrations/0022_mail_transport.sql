-- How the e-mails of this deployment are sent. The row of mail_seen stays once a worker that sends e-mails has run.
ALTER TABLE mail_seen ADD COLUMN IF NOT EXISTS transport text NOT NULL DEFAULT 'smtp';
