-- Read the newest changes of entries of one list before $3, up to $4 by each of the verbs $2, the newest first; no person.
-- Locks nothing.
SELECT h.sequence, h.at, h.actor, h.verb, h.number, h.before::text, h.after::text, h.reason_hash IS NOT NULL AS has_reason
FROM (
    SELECT c.sequence
    FROM unnest($2::text[]) AS k (verb)
    CROSS JOIN LATERAL (
        SELECT c.sequence FROM history c
        WHERE c.list_id = $1 AND c.verb = k.verb AND c.verb <> 'join' AND c.sequence < $3 AND c.number IS NOT NULL
        ORDER BY c.sequence DESC LIMIT $4
    ) AS c
) AS page
JOIN history h ON h.list_id = $1 AND h.sequence = page.sequence
ORDER BY h.sequence DESC
