-- Read up to which change one list is counted, and its last change; return no row while another worker counts it.
-- Locks the list's row of the counts.
SELECT c.sequence, i.last_sequence FROM counted_lists c
JOIN inventory i ON i.list_id = c.list_id
WHERE c.list_id = $1
FOR UPDATE OF c SKIP LOCKED
