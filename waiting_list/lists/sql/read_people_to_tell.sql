-- Read the addresses of the active entries of one list that e-mails may go to: of all of them, or of some numbers ($3). If
-- the list asks for verified addresses ($2), only of those. Locks nothing: runs under the list's lock.
SELECT e.number, e.status = 'ready' AS holds, c.email
FROM entries e
JOIN contacts c ON c.list_id = $1 AND c.number = e.number
WHERE e.list_id = $1 AND e.status IN ('waiting', 'ready') AND c.email IS NOT NULL AND c.unsubscribed_at IS NULL
    AND (c.verified_at IS NOT NULL OR NOT $2::boolean)
    AND ($3::bigint[] IS NULL OR e.number = ANY ($3))
ORDER BY e.status, e.rank
