-- Read the leaves of ranges of changes of one list: of each range how many there are, and the leaves one after the other. A
-- range begins after a change and ends with one. Locks nothing.
SELECT count(h.leaf) AS hashes, string_agg(h.leaf, ''::bytea ORDER BY h.sequence) AS joined
FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS r (first, last, place)
LEFT JOIN history h ON h.list_id = $1 AND h.sequence > r.first AND h.sequence <= r.last
GROUP BY r.place
ORDER BY r.place
