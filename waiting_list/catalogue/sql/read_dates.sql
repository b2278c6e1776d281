-- Read the dates of a representation, before they change.
-- Locks nothing: runs after lock_representation.
SELECT r.start_datetime, r.end_datetime, r.moved_from, r.cancelled_at, r.cancelled_reason FROM representations r
WHERE r.representation_id = $1
