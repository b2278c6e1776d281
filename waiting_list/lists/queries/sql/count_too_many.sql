-- Count the waiting entries of one list with a minimum above $2: those in turn, and those who paused or are set aside.
-- Locks nothing.
SELECT (
    SELECT count(*)
    FROM unnest('{false,true}'::boolean[]) AS kind (unverified)
    JOIN entries e ON e.list_id = $1 AND e.status = 'waiting' AND e.unverified = kind.unverified AND e.tickets_minimum > $2
        AND e.paused_at IS NULL AND e.set_aside_at IS NULL
) + (
    SELECT count(*) FROM entries e
    WHERE e.list_id = $1 AND e.status = 'waiting' AND e.paused_at IS NOT NULL AND e.tickets_minimum > $2
) + (
    SELECT count(*) FROM entries e
    WHERE e.list_id = $1 AND e.status = 'waiting' AND e.set_aside_at IS NOT NULL AND e.paused_at IS NULL
        AND e.tickets_minimum > $2
)
