-- Read whether a representation is cancelled, and why.
-- Locks nothing.
SELECT r.cancelled_at, r.cancelled_reason FROM representations r WHERE r.representation_id = $1
