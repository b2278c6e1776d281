-- Delete the wishes of a user ($2) in one organization ($1); their entries go on without one.
-- Locks the rows, so it has to be the last statement of its transaction that waits.
DELETE FROM wishes w WHERE w.organization_id = $1 AND w.user_id = $2
