-- Write the counts of the segments of write_changes, for Citus.
-- Locks those rows; runs under the list's lock.
INSERT INTO segments (list_id, bits, segment, waiting, tickets, changed)
SELECT l.list_id, d.bits, d.segment, coalesce(s.waiting, 0) + d.waiting, coalesce(s.tickets, 0) + d.tickets,
    greatest(coalesce(s.changed, 0), d.changed)
FROM inventory l
CROSS JOIN unnest($2::smallint[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[])
    AS d (bits, segment, waiting, tickets, changed)
LEFT JOIN segments s ON s.list_id = l.list_id AND s.bits = d.bits AND s.segment = d.segment
WHERE l.list_id = $1
ON CONFLICT (list_id, bits, segment) DO UPDATE
SET waiting = excluded.waiting, tickets = excluded.tickets, changed = excluded.changed
