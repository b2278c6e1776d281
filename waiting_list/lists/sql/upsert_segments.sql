-- Add to the waiting entries and tickets in some segments of one list, and store the sequence of the change.
-- Locks the segments' rows; runs under the list's lock, so that the counts stay the same in between.
INSERT INTO segments (list_id, bits, segment, waiting, tickets, changed)
SELECT $1, d.bits, d.segment, coalesce(s.waiting, 0) + d.waiting, coalesce(s.tickets, 0) + d.tickets,
    greatest(coalesce(s.changed, 0), d.changed)
FROM unnest($2::smallint[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[])
    AS d (bits, segment, waiting, tickets, changed)
LEFT JOIN segments s ON s.list_id = $1 AND s.bits = d.bits AND s.segment = d.segment
ON CONFLICT (list_id, bits, segment) DO UPDATE
SET waiting = excluded.waiting, tickets = excluded.tickets, changed = excluded.changed
