-- Makes or changes a representation, unless another organization has its id; returns whether it was made.
-- Locks the representation's row.
INSERT INTO representations AS r (representation_id, event_id, start_datetime, end_datetime)
VALUES ($1, $3, $4, $5)
ON CONFLICT (representation_id) DO UPDATE SET event_id = $3, start_datetime = $4, end_datetime = $5
WHERE EXISTS (SELECT FROM events e WHERE e.event_id = r.event_id AND e.organization_id = $2)
RETURNING xmax = 0 AS made
