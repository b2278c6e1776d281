-- Read what the last audit of all lists found.
-- Locks nothing.
SELECT a.ended_at, a.differences FROM audits a ORDER BY a.ended_at DESC LIMIT 1
