-- Insert the events that are new, and return their ids.
-- Locks the new rows; leaves out each event whose id is in use.
INSERT INTO events (event_id, organization_id, title, description, thumbnail_url, venue_name, venue_address,
    timezone, max_places_per_person, draft)
SELECT e.event_id, e.organization_id, e.title, e.description, e.thumbnail_url, e.venue_name, e.venue_address,
    e.timezone, e.max_places_per_person, e.draft
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::integer[], $10::boolean[]) AS e (event_id, organization_id, title, description, thumbnail_url, venue_name, venue_address,
    timezone, max_places_per_person, draft)
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id
