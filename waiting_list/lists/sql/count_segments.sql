-- Count the segments of one list anew, of the sizes $3, as a change of the sequence $2.
-- Locks those rows; runs under the list's lock.
INSERT INTO segments (list_id, bits, segment, waiting, tickets, changed)
SELECT e.list_id, b.bits, e.rank >> b.bits, count(*), sum(e.tickets_wanted - e.tickets_held), $2
FROM entries e
CROSS JOIN unnest($3::smallint[]) AS b (bits)
WHERE e.list_id = $1 AND (e.status = 'waiting'
    OR e.status = 'ready' AND e.keep_waiting_for_rest AND e.tickets_held < e.tickets_wanted)
GROUP BY e.list_id, b.bits, e.rank >> b.bits
ON CONFLICT (list_id, bits, segment) DO UPDATE
SET waiting = excluded.waiting, tickets = excluded.tickets, changed = excluded.changed
