-- Events that fans reach by their link alone, and events out of the way on the dashboard. Additions only: the version before
-- lists all of them.
ALTER TABLE events ADD COLUMN IF NOT EXISTS unlisted boolean NOT NULL DEFAULT false;
ALTER TABLE events ADD COLUMN IF NOT EXISTS archived boolean NOT NULL DEFAULT false;
