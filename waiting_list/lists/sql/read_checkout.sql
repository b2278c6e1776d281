-- Read whether the hold of an entry ($2) that began at $3 was extended for a checkout.
-- Locks nothing: runs under the list's lock.
SELECT EXISTS (
    SELECT FROM history h WHERE h.list_id = $1 AND h.number = $2 AND h.verb = 'checkout' AND h.at >= $3
)
