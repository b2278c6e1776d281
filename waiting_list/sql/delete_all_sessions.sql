-- Signs everybody out of the dashboard.
-- Locks those rows.
DELETE FROM sessions
