-- Lock an event of one organization, because a new row is about to refer to it.
-- Locks the event's row against deletion.
SELECT event_id FROM events WHERE event_id = $1 AND organization_id = $2 FOR KEY SHARE
