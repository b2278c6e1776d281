-- Read the hashes of full subtrees of one list: of each range of a level how many there are, and the hashes one after the
-- other. Locks nothing.
SELECT count(s.hash) AS hashes, string_agg(s.hash, ''::bytea ORDER BY s.subtree) AS joined
FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS r (level, first, after, place)
LEFT JOIN ledger_subtrees s ON s.list_id = $1 AND s.level = r.level AND s.subtree >= r.first AND s.subtree < r.after
GROUP BY r.place
ORDER BY r.place
