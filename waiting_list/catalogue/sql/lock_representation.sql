-- Read which organization owns a representation; return no row if there is no such representation.
-- Locks the representation's row.
SELECT e.organization_id FROM representations r JOIN events e ON e.event_id = r.event_id
WHERE r.representation_id = $1
FOR UPDATE OF r
