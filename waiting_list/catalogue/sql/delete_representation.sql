-- Delete a representation of one organization; a foreign key refuses it while an inventory refers to it.
-- Locks the representation's row.
DELETE FROM representations r USING events e
WHERE e.event_id = r.event_id AND e.organization_id = $1 AND r.representation_id = $2
RETURNING r.representation_id, r.event_id, r.start_datetime, r.end_datetime, r.moved_from, r.cancelled_at, r.cancelled_reason
