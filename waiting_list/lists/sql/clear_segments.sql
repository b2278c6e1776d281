-- Empty the segments of one list, as a change of the sequence $2.
-- Locks those rows; runs under the list's lock.
UPDATE segments SET waiting = 0, tickets = 0, changed = $2 WHERE list_id = $1
