-- Delete the devices of entries that have left their lists.
-- Locks those rows.
DELETE FROM push_subscriptions p USING entries e
WHERE e.list_id = p.list_id AND e.number = p.number AND e.status = 'left'
