-- Count the dead notices of an organization, at most $2: an overview shows their number.
-- Locks nothing.
SELECT count(*) FROM (SELECT 1 FROM outbox WHERE organization_id = $1 AND status = 'dead' LIMIT $2) AS dead
