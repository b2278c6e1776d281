-- Append to the feed of an organization the changes of these lists ($3) up to these sequences ($4) that it lacks. Positions
-- go on after $2. Returns the new positions. Locks the new rows; runs under the lock of the feed.
INSERT INTO feed_parts (organization_id, position, list_id, after_sequence, until_sequence)
SELECT $1, $2::bigint + row_number() OVER (ORDER BY w.list_id), w.list_id, coalesce(e.until_sequence, 0), w.last_sequence
FROM unnest($3::uuid[], $4::bigint[]) AS w (list_id, last_sequence)
LEFT JOIN LATERAL (
    SELECT p.until_sequence FROM feed_parts p WHERE p.organization_id = $1 AND p.list_id = w.list_id
    ORDER BY p.until_sequence DESC LIMIT 1
) AS e ON true
WHERE w.last_sequence > coalesce(e.until_sequence, 0)
RETURNING position
