-- An event of one organization, that something is about to hang on.
-- Locks the event's row against deletion.
SELECT event_id FROM events WHERE event_id = $1 AND organization_id = $2 FOR KEY SHARE
