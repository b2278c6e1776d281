-- Read what a list's page says of its event, by the representation ($1).
-- Locks nothing.
SELECT e.event_id, e.description, e.draft, e.image FROM representations r JOIN events e ON e.event_id = r.event_id
WHERE r.representation_id = $1
