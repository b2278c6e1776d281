-- The languages that an organization offers to its fans, its own first. NULL: all that the service speaks. Additions only: the
-- version before goes on as before, and offers all.
ALTER TABLE organizations ADD COLUMN languages text[];
