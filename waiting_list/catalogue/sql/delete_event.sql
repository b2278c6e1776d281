-- Delete an event of one organization; a foreign key refuses it while other rows refer to the event.
-- Locks the event's row.
DELETE FROM events e WHERE e.organization_id = $1 AND e.event_id = $2
RETURNING e.event_id, e.organization_id, e.title, e.description, e.thumbnail_url, e.venue_name,
    e.venue_address, e.timezone, e.max_places_per_person, e.draft, e.unlisted, e.archived, e.image
