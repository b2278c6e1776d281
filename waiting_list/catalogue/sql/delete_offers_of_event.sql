-- Delete the offers of an event ($2) of one organization ($1); a foreign key refuses it while an inventory refers to one.
-- Locks their rows.
DELETE FROM offers o USING events e
WHERE e.event_id = o.event_id AND e.organization_id = $1 AND o.event_id = $2
