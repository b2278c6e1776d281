-- Whether fans wait, or hold tickets, in a list of one representation.
-- Locks nothing: runs after lock_representation, so no list is new.
SELECT EXISTS (SELECT 1 FROM inventory i WHERE i.representation_id = $1 AND i.waiting + i.held > 0)
