-- Read the secret of the draw of one list, and what it was drawn with.
-- Locks nothing: runs under the list's lock.
SELECT d.secret, d.randomness FROM draws d WHERE d.list_id = $1
