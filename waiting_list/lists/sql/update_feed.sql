-- Set the last position of an organization's feed, and the totals that it covers.
-- Locks the feed's row, which this transaction has already locked.
UPDATE feeds SET position = $2, lists = $3, changes = $4 WHERE organization_id = $1
