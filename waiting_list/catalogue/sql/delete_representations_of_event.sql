-- Delete the representations of an event ($2) of one organization ($1); a foreign key refuses it while an inventory refers to one.
-- Locks their rows.
DELETE FROM representations r USING events e
WHERE e.event_id = r.event_id AND e.organization_id = $1 AND r.event_id = $2
