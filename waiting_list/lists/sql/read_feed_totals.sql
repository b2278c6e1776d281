-- Count the lists of an organization and their changes.
-- Locks nothing.
SELECT count(*) AS lists, coalesce(sum(i.last_sequence), 0)::bigint AS changes
FROM inventory i WHERE i.organization_id = $1
