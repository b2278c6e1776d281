-- From which network an entry was joined by e-mail alone, until the address is verified: a hash with a key that is another in
-- each list. NULL: joined otherwise, or verified. Additions only: the version before goes on as before.
ALTER TABLE contacts ADD COLUMN joined_from bigint;
