-- Whether the rule of one place for each mailbox counts an address with a tag as the address without it. It always did.
ALTER TABLE inventory ADD COLUMN IF NOT EXISTS ignore_address_tags boolean NOT NULL DEFAULT true;
