-- Give an event of one organization an image ($3), or none; return the event's id.
-- Locks the event's row.
UPDATE events SET image = $3 WHERE organization_id = $1 AND event_id = $2 RETURNING event_id
