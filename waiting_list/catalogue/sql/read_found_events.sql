-- Read events ($1) that were found, each with its next matching start ($2), and all data that a fan's page shows but their lists.
-- Locks nothing.
SELECT e.event_id, e.organization_id, e.title, e.description, e.thumbnail_url, e.venue_name, e.venue_address,
    e.timezone, e.max_places_per_person, e.draft, e.unlisted, e.archived, e.image, z.sender_name AS organizer_name, z.logo, z.accent, z.languages, n.next_start,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('representation_id', r.representation_id, 'event_id', r.event_id,
            'start_datetime', r.start_datetime, 'end_datetime', r.end_datetime,
            'moved_from', r.moved_from, 'cancelled_at', r.cancelled_at, 'cancelled_reason', r.cancelled_reason)
            ORDER BY r.start_datetime, r.representation_id), '[]')
        FROM representations r WHERE r.event_id = e.event_id AND r.start_datetime > statement_timestamp())
        AS representations,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('offer_id', o.offer_id, 'event_id', o.event_id, 'name', o.name,
            'type', o.type, 'max_quantity_per_order', o.max_quantity_per_order, 'description', o.description)
            ORDER BY o.offer_id), '[]')
        FROM offers o WHERE o.event_id = e.event_id) AS offers
FROM unnest($1::text[], $2::timestamptz[]) AS n (event_id, next_start)
JOIN events e ON e.event_id = n.event_id
LEFT JOIN organizations z ON z.organization_id = e.organization_id
ORDER BY n.next_start, e.event_id
