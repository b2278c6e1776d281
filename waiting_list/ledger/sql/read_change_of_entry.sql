-- Read the newest change of one list's entry by a verb: its sequence.
-- Locks nothing.
SELECT max(h.sequence) AS sequence FROM history h WHERE h.list_id = $1 AND h.number = $2 AND h.verb = $3
