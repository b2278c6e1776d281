-- Read the addresses of some entries of one list ($2).
-- Locks nothing: runs under the list's lock.
SELECT c.number, c.email FROM contacts c WHERE c.list_id = $1 AND c.number = ANY ($2::bigint[])
