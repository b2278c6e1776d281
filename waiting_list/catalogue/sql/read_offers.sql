-- The offers of one organization's events.
-- Locks nothing.
SELECT o.offer_id, o.event_id, o.name, o.type, o.max_quantity_per_order, o.description
FROM offers o
JOIN events e ON e.event_id = o.event_id
WHERE e.organization_id = $1 AND ($2::text[] IS NULL OR o.offer_id = ANY ($2))
    AND ($3::text[] IS NULL OR o.event_id = ANY ($3))
    AND ($4::text IS NULL OR o.offer_id > $4)
ORDER BY o.offer_id LIMIT $5
