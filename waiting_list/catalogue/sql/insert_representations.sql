-- Insert the representations that are new, and return their ids.
-- Locks the new rows, and their events against deletion; leaves out each representation whose id is in use.
INSERT INTO representations (representation_id, event_id, start_datetime, end_datetime)
SELECT r.representation_id, r.event_id, r.start_datetime, r.end_datetime
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
    AS r (representation_id, event_id, start_datetime, end_datetime)
ON CONFLICT (representation_id) DO NOTHING
RETURNING representation_id
