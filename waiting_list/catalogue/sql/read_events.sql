-- The events of one organization.
-- Locks nothing.
SELECT e.event_id, e.organization_id, e.title, e.description, e.thumbnail_url, e.venue_name, e.venue_address,
    e.timezone, e.max_places_per_person, e.draft, e.unlisted, e.archived, e.image
FROM events e
WHERE e.organization_id = $1 AND ($2::text[] IS NULL OR e.event_id = ANY ($2))
    AND ($3::text IS NULL OR e.event_id > $3)
ORDER BY e.event_id LIMIT $4
