-- Set when callers ($1) have their full limit again: so many seconds ($2) after lock_allowances read it.
-- Locks the callers' rows, which lock_allowances has locked.
UPDATE allowances a SET full_at = to_timestamp(extract(epoch FROM a.asked_at - 'epoch'::timestamptz) + w.full_in)
FROM unnest($1::bytea[], $2::float8[]) AS w (caller, full_in)
WHERE a.caller = w.caller
