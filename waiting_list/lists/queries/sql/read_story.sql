-- Read the history of one list, the newest change first, or its changes by some verbs. See read_history; here $5
-- bounds it from below. Locks nothing.
SELECT h.sequence, h.at, h.actor, h.verb, h.number, e.user_id, h.before::text, h.after::text, h.reason
FROM (
    (
        SELECT c.sequence FROM history c
        WHERE c.list_id = $1 AND ($3::bigint IS NULL OR c.sequence < $3)
            AND ($2::text[] IS NULL OR 'join' = ANY ($2) AND c.verb = 'join') AND c.sequence >= $5::bigint
            AND ($6::text IS NULL OR c.actor = $6 OR $6 = 'organizer' AND c.actor NOT IN ('user', 'service'))
        ORDER BY c.sequence DESC LIMIT $4
    )
    UNION ALL
    SELECT c.sequence
    FROM (SELECT DISTINCT u.verb FROM unnest($2::text[]) AS u (verb)) AS k
    CROSS JOIN LATERAL (
        SELECT c.sequence FROM history c
        WHERE c.list_id = $1 AND c.verb = k.verb AND c.verb <> 'join' AND ($3::bigint IS NULL OR c.sequence < $3)
            AND c.sequence >= $5::bigint
            AND ($6::text IS NULL OR c.actor = $6 OR $6 = 'organizer' AND c.actor NOT IN ('user', 'service'))
        ORDER BY c.sequence DESC LIMIT $4
    ) AS c
    ORDER BY sequence DESC LIMIT $4
) AS page
JOIN history h ON h.list_id = $1 AND h.sequence = page.sequence
LEFT JOIN entries e ON e.list_id = h.list_id AND e.number = h.number
ORDER BY h.sequence DESC
