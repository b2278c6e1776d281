-- Count the ready entries of one list.
-- Locks nothing: runs under the list's lock.
SELECT count(*) FROM entries e WHERE e.list_id = $1 AND e.status = 'ready'
