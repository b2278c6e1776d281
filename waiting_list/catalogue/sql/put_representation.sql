-- Makes a representation, or changes the one that was seen ($2); says whether it was made: nothing, if it came meanwhile.
-- Locks the representation's row.
INSERT INTO representations AS r (representation_id, event_id, start_datetime, end_datetime)
VALUES ($1, $3, $4, $5)
ON CONFLICT (representation_id) DO UPDATE SET event_id = $3, start_datetime = $4, end_datetime = $5
WHERE $2::boolean
RETURNING xmax = 0 AS made
