-- Delete an inventory; a foreign key refuses it while the list has entries.
-- Deletes the list's row, which this transaction has already locked.
DELETE FROM inventory WHERE list_id = $1
