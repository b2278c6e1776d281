-- Read the leaves of ranges of changes of one list: of each range how many there are, and the leaves one after the other. A
-- range begins after a change and ends with one, and is read by itself, whatever other lists have. Locks nothing.
SELECT n.hashes, n.joined
FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS r (first, last, place)
CROSS JOIN LATERAL (
    SELECT count(h.leaf) AS hashes, string_agg(h.leaf, ''::bytea ORDER BY h.sequence) AS joined
    FROM history h WHERE h.list_id = $1 AND h.sequence > r.first AND h.sequence <= r.last
) AS n
ORDER BY r.place
