-- Count the active entries of one list whose address failed.
-- Locks nothing.
SELECT count(*) FROM entries e WHERE e.list_id = $1 AND e.address_failed AND e.status <> 'left'
