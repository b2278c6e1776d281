-- Ends every link with which somebody could sign in.
-- Locks those rows.
DELETE FROM sign_ins
