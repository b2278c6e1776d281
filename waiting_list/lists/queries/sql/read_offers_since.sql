-- Read the newest offers of one list between the changes $2 and $5 to entries other than $3: at most $4.
-- Locks nothing.
SELECT h.sequence, h.at, h.actor, h.verb, h.number, e.user_id, h.before::text, h.after::text, h.reason
FROM (
    SELECT c.sequence
    FROM unnest(ARRAY['promote', 'grant', 'top_up']) AS k (verb)
    CROSS JOIN LATERAL (
        SELECT c.sequence FROM history c
        WHERE c.list_id = $1 AND c.verb = k.verb AND c.verb <> 'join' AND c.sequence > $2 AND c.sequence < $5 AND c.number <> $3
            AND c.after ? 'tickets_held'
        ORDER BY c.sequence DESC LIMIT $4
    ) AS c
    ORDER BY sequence DESC LIMIT $4
) AS page
JOIN history h ON h.list_id = $1 AND h.sequence = page.sequence
LEFT JOIN entries e ON e.list_id = $1 AND e.number = h.number
ORDER BY h.sequence DESC
