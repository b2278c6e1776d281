-- Read which list holds tickets for a wish ($1).
-- Locks nothing.
SELECT i.offer_id, i.representation_id FROM wishes w JOIN inventory i ON i.list_id = w.held_list_id WHERE w.wish_id = $1
