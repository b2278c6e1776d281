-- Begin to count the changes of one list, unless that has begun.
-- Locks the new row, and for a moment the list's row of the inventory.
INSERT INTO counted_lists (list_id, sequence, tickets_left)
SELECT i.list_id, 0, 0 FROM inventory i WHERE i.list_id = $1
ON CONFLICT (list_id) DO NOTHING
