-- The lists of one representation, those with holds first.
-- Locks nothing.
SELECT i.offer_id, i.representation_id FROM inventory i WHERE i.representation_id = $1 ORDER BY i.held = 0, i.list_id
