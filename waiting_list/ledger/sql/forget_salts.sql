-- Clear the salts of the erased reasons of one list.
-- Locks those rows.
UPDATE history SET reason_salt = NULL WHERE list_id = $1 AND reason IS NULL AND reason_salt IS NOT NULL
