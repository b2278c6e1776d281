-- Deletes an inventory; a foreign key refuses it where entries hang on it.
-- Deletes the list's row, which is locked already.
DELETE FROM inventory WHERE list_id = $1
