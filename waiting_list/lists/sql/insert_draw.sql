-- Insert the secret of the draw of one list.
-- Locks the new row; runs under the list's lock.
INSERT INTO draws (list_id, secret) VALUES ($1, $2)
