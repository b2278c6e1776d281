-- Read the ranks of some entries of one list.
-- Locks nothing: runs under the list's lock.
SELECT e.number, e.rank FROM entries e WHERE e.list_id = $1 AND e.number = ANY ($2::bigint[])
