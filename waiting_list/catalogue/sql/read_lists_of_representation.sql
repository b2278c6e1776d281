-- The lists of one representation.
-- Locks nothing.
SELECT i.offer_id, i.representation_id FROM inventory i WHERE i.representation_id = $1
