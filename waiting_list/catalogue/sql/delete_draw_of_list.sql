-- Delete the secret of the draw of a list, before the list itself.
-- Locks that row; runs under the list's lock.
DELETE FROM draws WHERE list_id = $1
