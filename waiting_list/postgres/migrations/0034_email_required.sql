-- Whether a list takes only entries with an e-mail address.
ALTER TABLE inventory ADD COLUMN IF NOT EXISTS email_required boolean NOT NULL DEFAULT false;
