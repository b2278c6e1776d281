-- Read up to fifty organizations that have a coming representation: go from one to the next by the index of events.
-- Locks nothing.
WITH RECURSIVE owners (organization_id) AS (
    (SELECT e.organization_id FROM events e ORDER BY e.organization_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT e.organization_id FROM events e WHERE e.organization_id > o.organization_id
        ORDER BY e.organization_id LIMIT 1
    )
    FROM owners o WHERE o.organization_id IS NOT NULL
)
SELECT o.organization_id, z.sender_name AS organizer_name, z.logo, z.accent, z.languages
FROM owners o
CROSS JOIN LATERAL (
    SELECT FROM events e
    JOIN representations r ON r.event_id = e.event_id
    WHERE e.organization_id = o.organization_id AND r.start_datetime > statement_timestamp()
        -- By itself, so that events are still found in their index alone.
        AND (SELECT NOT d.draft AND NOT d.unlisted FROM events d WHERE d.event_id = e.event_id)
    LIMIT 1
) AS coming
LEFT JOIN organizations z ON z.organization_id = o.organization_id
ORDER BY o.organization_id LIMIT 50
