-- Read the last position of an organization's feed, and the totals that it covers.
-- Locks nothing.
SELECT f.position, f.lists, f.changes FROM feeds f WHERE f.organization_id = $1
