-- Read one event ($1) that is no draft, with its coming representations and its offers, as a fan's page shows it.
-- Locks nothing.
SELECT e.event_id, e.organization_id, e.title, e.description, e.thumbnail_url, e.venue_name, e.venue_address,
    e.timezone, e.max_places_per_person, e.draft, e.unlisted, e.archived, e.image, z.sender_name AS organizer_name, z.logo, z.accent, z.languages,
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
FROM events e
LEFT JOIN organizations z ON z.organization_id = e.organization_id
WHERE e.event_id = $1 AND NOT e.draft
