-- The verified addresses of some entries of one list.
-- Locks nothing: runs under the list's lock.
SELECT c.number, c.email FROM contacts c
WHERE c.list_id = $1 AND c.number = ANY ($2::bigint[]) AND c.verified_at IS NOT NULL
