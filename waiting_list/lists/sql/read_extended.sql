-- Read which entries of one list were given a later deadline for this reason ($2).
-- Locks nothing: runs under the list's lock.
SELECT h.number FROM history h WHERE h.list_id = $1 AND h.verb = 'extend' AND h.reason = $2
