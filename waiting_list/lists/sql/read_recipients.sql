-- Read the entries of one list with these states ($2), or those of them with a number of $3, in their order, each with what a letter to its fan depends on.
-- Locks nothing: runs under the list's lock.
SELECT e.number, e.unverified, c.email, c.subscribed
FROM entries e
LEFT JOIN LATERAL (
    SELECT x.email, x.unsubscribed_at IS NULL AS subscribed FROM contacts x
    WHERE x.list_id = $1 AND x.number = e.number LIMIT 1
) AS c ON true
WHERE e.list_id = $1 AND e.status = ANY ($2::text[]) AND ($3::bigint[] IS NULL OR e.number = ANY ($3))
ORDER BY e.rank
