-- The lists of one event, those with holds first.
-- Locks nothing.
SELECT i.offer_id, i.representation_id FROM inventory i WHERE i.event_id = $1 ORDER BY i.held = 0, i.list_id
