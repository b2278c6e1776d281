-- Forget the offer of one entry to another person, unless it was accepted.
-- Locks that row; runs under the list's lock.
DELETE FROM transfers t WHERE t.list_id = $1 AND t.number = $2 AND t.transferred_at IS NULL
