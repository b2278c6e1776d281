-- Read the sequence of the last change of each list of an organization, in the order of their ids.
-- Locks nothing.
SELECT i.list_id, i.last_sequence FROM inventory i WHERE i.organization_id = $1 ORDER BY i.list_id
