-- Cancel a representation, or take that back if there is no instant ($2). A second cancellation keeps the first instant.
-- Locks the representation's row.
UPDATE representations r
SET cancelled_at = CASE WHEN $2::timestamptz IS NOT NULL THEN coalesce(r.cancelled_at, $2) END, cancelled_reason = $3
WHERE r.representation_id = $1
RETURNING r.representation_id, r.event_id, r.start_datetime, r.end_datetime, r.moved_from, r.cancelled_at, r.cancelled_reason
