-- Read the changes of the rules and the stock of one list before the change $2: the newest $4 by each of the verbs $3, in order.
-- Locks nothing.
SELECT h.sequence, h.after::text
FROM unnest($3::text[]) AS k (verb)
CROSS JOIN LATERAL (
    SELECT c.sequence FROM history c
    WHERE c.list_id = $1 AND c.verb = k.verb AND c.verb <> 'join' AND c.sequence < $2
    ORDER BY c.sequence DESC LIMIT $4
) AS page
JOIN history h ON h.list_id = $1 AND h.sequence = page.sequence
ORDER BY h.sequence
