-- The representations of one organization's events.
-- Locks nothing.
SELECT r.representation_id, r.event_id, r.start_datetime, r.end_datetime, r.moved_from, r.cancelled_at, r.cancelled_reason
FROM representations r
JOIN events e ON e.event_id = r.event_id
WHERE e.organization_id = $1 AND ($2::text[] IS NULL OR r.representation_id = ANY ($2))
    AND ($3::text[] IS NULL OR r.event_id = ANY ($3))
    AND ($4::text IS NULL OR r.representation_id > $4)
ORDER BY r.representation_id LIMIT $5
