-- Whether e-mails to the address of an entry fail, and whether a list passes over such entries. The version before goes on
-- as before.
ALTER TABLE entries ADD COLUMN address_failed boolean NOT NULL DEFAULT false;
ALTER TABLE inventory ADD COLUMN skip_failed_addresses boolean NOT NULL DEFAULT false;
