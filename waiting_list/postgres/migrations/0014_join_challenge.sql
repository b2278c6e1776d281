-- Whether who joins a list by themselves has to do some work first, so that a program pays for each place.
ALTER TABLE inventory ADD COLUMN join_challenge text NOT NULL DEFAULT 'off';
-- Every row has the default: there is nothing to check, and a lock for a moment is enough.
ALTER TABLE inventory
    ADD CONSTRAINT inventory_join_challenge CHECK (join_challenge IN ('off', 'adaptive', 'always')) NOT VALID;
