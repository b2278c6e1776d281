-- After how many minutes fans behind are served with free tickets that are too few for the first in line (null: never), and
-- when that will be, while such tickets wait. The version before goes on as before.
ALTER TABLE inventory ADD COLUMN idle_minutes integer;
-- No row has a value: there is nothing to check, and a lock for a moment is enough.
ALTER TABLE inventory ADD CONSTRAINT inventory_idle_minutes CHECK (idle_minutes >= 1) NOT VALID;
ALTER TABLE inventory ADD COLUMN idle_until timestamptz;
