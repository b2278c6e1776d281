-- Read the parts of an organization's feed behind a position, and the rest of the part at it: what is after sequence $3.
-- Locks nothing.
SELECT p.position, p.list_id, p.after_sequence, p.until_sequence FROM feed_parts p
WHERE p.organization_id = $1 AND p.position >= $2 AND (p.position > $2 OR p.until_sequence > $3)
ORDER BY p.position LIMIT $4
