-- Set the start that was announced first, or forget it (NULL).
-- Locks the representation's row.
UPDATE representations SET moved_from = $2 WHERE representation_id = $1
