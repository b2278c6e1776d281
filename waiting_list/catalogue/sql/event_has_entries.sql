-- Whether a published event has a list with entries.
-- Locks nothing.
SELECT EXISTS (
    SELECT 1 FROM events e
    JOIN inventory i ON i.event_id = e.event_id
    WHERE e.event_id = $1 AND e.organization_id = $2 AND NOT e.draft AND i.last_number > 0
)
