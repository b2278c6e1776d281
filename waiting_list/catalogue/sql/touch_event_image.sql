-- Keep the image of an event for another day, and return it; no row if the event has none.
-- Locks the image's row.
UPDATE images SET created_at = statement_timestamp()
WHERE image = (SELECT e.image FROM events e WHERE e.organization_id = $1 AND e.event_id = $2)
RETURNING image
