-- Forgets callers who have all of their allowance again, and have had it for a while.
-- Locks those rows, but none that somebody uses.
DELETE FROM allowances WHERE caller IN (
    SELECT a.caller FROM allowances a WHERE a.full_at < clock_timestamp() - interval '1 minute' FOR UPDATE SKIP LOCKED
)
