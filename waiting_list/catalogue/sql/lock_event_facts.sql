-- Read what fans know of an event of one organization, before it changes.
-- Locks the event's row.
SELECT e.title, e.venue_name, e.venue_address, e.timezone FROM events e
WHERE e.event_id = $1 AND e.organization_id = $2
FOR NO KEY UPDATE
