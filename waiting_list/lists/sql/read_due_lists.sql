-- Read the lists that need maintenance: a hold has passed its deadline, or the list has ended with work left.
-- Locks nothing: maintenance then locks each list. It reads the clock once, so that the index serves it.
SELECT i.offer_id, i.representation_id, coalesce(d.ends, false) AS ends
FROM (
    SELECT e.list_id, false AS ends FROM entries e
    WHERE e.status = 'ready' AND e.ready_until <= statement_timestamp()
    UNION
    SELECT i.list_id, true FROM inventory i
    JOIN representations r ON r.representation_id = i.representation_id
    WHERE least(i.closes_at, r.start_datetime) <= statement_timestamp()
        AND (i.waiting > 0 OR i.held > 0 OR i.ended_at IS NULL
            OR i.ended_at < least(i.closes_at, r.start_datetime))
) AS d
JOIN inventory i ON i.list_id = d.list_id
