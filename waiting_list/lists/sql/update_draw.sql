-- Note the randomness ($2) with which the lots of one list were drawn.
-- Locks that row; runs under the list's lock.
UPDATE draws SET randomness = $2 WHERE list_id = $1
