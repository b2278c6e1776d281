-- How long a hold lives on while its fan pays.
ALTER TABLE inventory ADD COLUMN hold_grace_seconds integer NOT NULL DEFAULT 900;
-- Every row has the default: there is nothing to check, and a lock for a moment is enough.
ALTER TABLE inventory
    ADD CONSTRAINT inventory_hold_grace CHECK (hold_grace_seconds BETWEEN 0 AND 900) NOT VALID;
