-- Delete the devices of one entry that came by its private link.
-- Locks those rows.
DELETE FROM push_subscriptions WHERE list_id = $1 AND number = $2 AND by_link
