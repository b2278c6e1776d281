-- The organizer's own words in e-mails about an event, by kind and language. The version before does not read them.
ALTER TABLE events ADD COLUMN IF NOT EXISTS wording text NOT NULL DEFAULT '[]';
