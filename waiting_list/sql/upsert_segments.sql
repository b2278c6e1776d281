-- Adds to how many wait in some segments of one list, and how many tickets they want.
-- Locks the segments' rows; runs under the list's lock, so what is read here cannot change meanwhile.
INSERT INTO segments (list_id, segment, waiting, tickets)
SELECT $1, d.segment, coalesce(s.waiting, 0) + d.waiting, coalesce(s.tickets, 0) + d.tickets
FROM unnest($2::bigint[], $3::integer[], $4::bigint[]) AS d (segment, waiting, tickets)
LEFT JOIN segments s ON s.list_id = $1 AND s.segment = d.segment
ON CONFLICT (list_id, segment) DO UPDATE SET waiting = excluded.waiting, tickets = excluded.tickets
