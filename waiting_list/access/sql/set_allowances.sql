-- Sets in how many seconds ($2) callers ($1) have all of their limit again, from when they were locked.
-- Locks the callers' rows, which lock_allowances has locked.
UPDATE allowances a SET full_at = a.asked_at + w.full_in * interval '1 second'
FROM unnest($1::bytea[], $2::float8[]) AS w (caller, full_in)
WHERE a.caller = w.caller
