-- Read the timezones of the events of one organization, the most frequent one first.
-- Locks nothing.
SELECT v.timezone, count(*) AS events FROM events v WHERE v.organization_id = $1
GROUP BY v.timezone ORDER BY count(*) DESC, v.timezone
