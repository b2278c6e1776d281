-- Insert a representation, or update it if lock_representation found it ($2). Return whether it is new.
-- Locks the representation's row; returns no row if another caller inserted it meanwhile.
INSERT INTO representations AS r (representation_id, event_id, start_datetime, end_datetime)
VALUES ($1, $3, $4, $5)
ON CONFLICT (representation_id) DO UPDATE SET event_id = $3, start_datetime = $4, end_datetime = $5
WHERE $2::boolean
RETURNING xmax = 0 AS made
