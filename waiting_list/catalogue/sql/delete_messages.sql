-- Deletes the messages to the fans of a list, before the list itself.
-- Locks those rows; runs under the list's lock.
DELETE FROM messages WHERE list_id = $1
