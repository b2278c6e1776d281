-- Read the first change of one list at or after an instant ($2), or the number after its last change. Halve the history at each
-- step, because it has no gaps and its instants are in order. Locks nothing.
WITH RECURSIVE halves AS (
    SELECT 1::bigint AS low, (SELECT i.last_sequence + 1 FROM inventory i WHERE i.list_id = $1) AS high
    UNION ALL
    SELECT CASE WHEN m.is_before THEN (s.low + s.high) / 2 + 1 ELSE s.low END,
        CASE WHEN m.is_before THEN s.high ELSE (s.low + s.high) / 2 END
    FROM halves s
    CROSS JOIN LATERAL (
        SELECT coalesce((
            SELECT h.at < $2 FROM history h WHERE h.list_id = $1 AND h.sequence = (s.low + s.high) / 2
        ), false) AS is_before
    ) AS m
    WHERE s.low < s.high
)
SELECT max(s.low) FROM halves s
