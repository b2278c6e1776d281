-- The lists of one offer ($1) of this event ($2).
-- Locks nothing.
SELECT i.offer_id, i.representation_id FROM inventory i WHERE i.event_id = $2 AND i.offer_id = $1
