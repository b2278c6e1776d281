-- Read how far one list and its tickets held are counted, and its last change; no row while another worker counts it.
-- Locks the list's row of the counts.
SELECT c.sequence, c.held_sequence, i.last_sequence FROM counted_lists c
JOIN inventory i ON i.list_id = c.list_id
WHERE c.list_id = $1
FOR UPDATE OF c SKIP LOCKED
