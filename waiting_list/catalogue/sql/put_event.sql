-- Insert or update an event, unless another organization has its id. With $10, limit and draft stay; a NULL in $12 or $13 stays.
-- Return whether it is new, and what stayed. Locks the event's row.
INSERT INTO events AS e (event_id, organization_id, title, description, thumbnail_url, venue_name,
    venue_address, timezone, max_places_per_person, draft, unlisted, archived)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $11, coalesce($12::boolean, false), coalesce($13::boolean, false))
ON CONFLICT (event_id) DO UPDATE SET title = $3, description = $4, thumbnail_url = $5, venue_name = $6,
    venue_address = $7, timezone = $8,
    max_places_per_person = CASE WHEN $10 THEN e.max_places_per_person ELSE $9 END,
    draft = CASE WHEN $10 THEN e.draft ELSE $11 END,
    unlisted = coalesce($12::boolean, e.unlisted),
    archived = coalesce($13::boolean, e.archived)
WHERE e.organization_id = $2
RETURNING xmax = 0 AS made, e.unlisted, e.archived, e.image
