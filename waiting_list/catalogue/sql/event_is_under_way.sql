-- Whether an event that is not archived has a coming representation for which fans wait or hold tickets.
-- Locks nothing.
SELECT EXISTS (
    SELECT 1 FROM events e
    JOIN inventory i ON i.event_id = e.event_id
    JOIN representations r ON r.representation_id = i.representation_id
    WHERE e.event_id = $1 AND e.organization_id = $2 AND NOT e.archived AND i.waiting + i.held > 0
        AND r.start_datetime > statement_timestamp() AND r.cancelled_at IS NULL
)
