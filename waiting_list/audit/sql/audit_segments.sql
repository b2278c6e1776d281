-- The counts that the positions of one list are worked out from.
-- Locks nothing.
SELECT s.bits, s.segment, s.waiting, s.tickets FROM segments s WHERE s.list_id = $1 ORDER BY s.bits, s.segment
