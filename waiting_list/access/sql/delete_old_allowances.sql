-- Delete the rows of callers whose allowance has been full again for more than a minute.
-- Locks those rows, but skips rows that another transaction has locked.
DELETE FROM allowances WHERE caller IN (
    SELECT a.caller FROM allowances a WHERE a.full_at < clock_timestamp() - interval '1 minute' FOR UPDATE SKIP LOCKED
)
