-- Read the segments of one list, from whose counts the service computes positions.
-- Locks nothing.
SELECT s.bits, s.segment, s.waiting, s.tickets FROM segments s WHERE s.list_id = $1 ORDER BY s.bits, s.segment
