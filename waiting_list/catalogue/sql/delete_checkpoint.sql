-- Delete the checkpoint of a list, before the list itself.
-- Locks the row; runs under the list's lock.
DELETE FROM checkpoints WHERE list_id = $1
