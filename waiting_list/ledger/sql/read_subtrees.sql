-- Read the hashes of full subtrees of one list: of each range of a level how many there are, and the hashes one after the
-- other. Each range is read by itself. Locks nothing.
SELECT n.hashes, n.joined
FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS r (level, first, after, place)
CROSS JOIN LATERAL (
    SELECT count(s.hash) AS hashes, string_agg(s.hash, ''::bytea ORDER BY s.subtree) AS joined
    FROM ledger_subtrees s WHERE s.list_id = $1 AND s.level = r.level AND s.subtree >= r.first AND s.subtree < r.after
) AS n
ORDER BY r.place
