-- Read up to fifty organizations that have a coming representation.
-- Locks nothing.
SELECT DISTINCT e.organization_id FROM events e
JOIN representations r ON r.event_id = e.event_id
WHERE r.start_datetime > clock_timestamp()
ORDER BY e.organization_id LIMIT 50
