-- Read up to $1 lists with salts of reasons that are erased: a process of an older version erased a reason, and left its salt.
-- Locks nothing.
SELECT DISTINCT h.list_id FROM history h WHERE h.reason IS NULL AND h.reason_salt IS NOT NULL LIMIT $1
