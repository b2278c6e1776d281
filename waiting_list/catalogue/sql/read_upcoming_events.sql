-- Read events with a coming representation, the earliest first, with all data that a fan's page shows but their lists. Walk
-- the index of starts to the end of the page only, which needs a clock that stands still within a statement. Locks nothing.
SELECT e.event_id, e.organization_id, e.title, e.description, e.thumbnail_url, e.venue_name, e.venue_address,
    e.timezone, e.max_places_per_person, e.draft, e.unlisted, e.archived, e.image, z.sender_name AS organizer_name, z.logo, z.accent, z.languages, n.next_start,
    (SELECT jsonb_agg(jsonb_build_object('representation_id', r.representation_id, 'event_id', r.event_id,
            'start_datetime', r.start_datetime, 'end_datetime', r.end_datetime,
            'moved_from', r.moved_from, 'cancelled_at', r.cancelled_at, 'cancelled_reason', r.cancelled_reason)
            ORDER BY r.start_datetime, r.representation_id)
        FROM representations r WHERE r.event_id = e.event_id AND r.start_datetime > clock_timestamp())
        AS representations,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('offer_id', o.offer_id, 'event_id', o.event_id, 'name', o.name,
            'type', o.type, 'max_quantity_per_order', o.max_quantity_per_order, 'description', o.description)
            ORDER BY o.offer_id), '[]')
        FROM offers o WHERE o.event_id = e.event_id) AS offers
FROM (
    SELECT c.event_id, c.start_datetime AS next_start
    FROM representations c
    JOIN events v ON v.event_id = c.event_id
    WHERE c.start_datetime > statement_timestamp() AND NOT v.draft AND NOT v.unlisted AND ($1::text[] IS NULL OR v.organization_id = ANY ($1))
        AND ($2::timestamptz IS NULL
            OR c.start_datetime >= $2 AND (c.start_datetime, c.event_id) > ($2, $3::text))
        AND NOT EXISTS (
            SELECT FROM representations b WHERE b.event_id = c.event_id AND b.start_datetime > statement_timestamp()
                AND (b.start_datetime, b.representation_id) < (c.start_datetime, c.representation_id)
        )
    ORDER BY c.start_datetime, c.event_id LIMIT $4
) AS n
JOIN events e ON e.event_id = n.event_id
LEFT JOIN organizations z ON z.organization_id = e.organization_id
ORDER BY n.next_start, e.event_id
