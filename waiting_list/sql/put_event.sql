-- Makes or changes an event, unless another organization has its id; returns whether it was made.
-- Locks the event's row.
INSERT INTO events AS e (event_id, organization_id, title, description, thumbnail_url, venue_name,
    venue_address, timezone)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (event_id) DO UPDATE SET title = $3, description = $4, thumbnail_url = $5, venue_name = $6,
    venue_address = $7, timezone = $8
WHERE e.organization_id = $2
RETURNING xmax = 0 AS made
