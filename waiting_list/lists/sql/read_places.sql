-- The places of some who wait in one list.
-- Locks nothing: runs under the list's lock.
SELECT s.number, s.position, s.tickets_ahead FROM shown_entries s WHERE s.list_id = $1 AND s.number = ANY ($2::bigint[])
