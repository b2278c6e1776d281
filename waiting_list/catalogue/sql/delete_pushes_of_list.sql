-- Delete the devices of all entries of one list.
-- Locks those rows; runs under the list's lock.
DELETE FROM push_subscriptions WHERE list_id = $1
