-- Read the addresses of some entries of one list ($3) that an e-mail about its end may go to. If the list asks for verified
-- addresses ($2), only of those. Locks nothing: runs under the list's lock.
SELECT c.number, false AS holds, c.email FROM contacts c
WHERE c.list_id = $1 AND c.number = ANY ($3::bigint[]) AND c.email IS NOT NULL AND c.unsubscribed_at IS NULL
    AND (c.verified_at IS NOT NULL OR NOT $2::boolean)
ORDER BY c.number
