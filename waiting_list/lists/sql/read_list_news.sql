-- Read the changes around one list that its history does not have yet, in order.
-- Locks nothing: runs under the list's lock.
SELECT n.change_id, n.verb, n.actor, n.before, n.after FROM list_news n WHERE n.list_id = $1
ORDER BY n.changed_at, n.change_id
