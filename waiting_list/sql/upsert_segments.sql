-- Adds to how many wait in some segments of one list, and how many tickets they want; and says when that was.
-- Locks the segments' rows; runs under the list's lock, so what is read here cannot change meanwhile.
INSERT INTO segments (list_id, segment, waiting, tickets, changed)
SELECT $1, d.segment, coalesce(s.waiting, 0) + d.waiting, coalesce(s.tickets, 0) + d.tickets,
    greatest(coalesce(s.changed, 0), d.changed)
FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::bigint[]) AS d (segment, waiting, tickets, changed)
LEFT JOIN segments s ON s.list_id = $1 AND s.segment = d.segment
ON CONFLICT (list_id, segment) DO UPDATE
SET waiting = excluded.waiting, tickets = excluded.tickets, changed = excluded.changed
