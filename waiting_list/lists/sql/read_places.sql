-- Read the positions of some waiting entries of one list, and the tickets ahead of them.
-- Locks nothing: runs under the list's lock.
SELECT s.number, s.position, s.tickets_ahead FROM shown_entries s WHERE s.list_id = $1 AND s.number = ANY ($2::bigint[])
