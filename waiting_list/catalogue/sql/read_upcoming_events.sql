-- Read events with a coming representation, the earliest first, with all data that a fan's page shows.
-- Locks nothing.
SELECT e.event_id, e.organization_id, e.title, e.description, e.thumbnail_url, e.venue_name, e.venue_address,
    e.timezone, e.max_places_per_person, n.next_start,
    (SELECT jsonb_agg(jsonb_build_object('representation_id', r.representation_id, 'event_id', r.event_id,
            'start_datetime', r.start_datetime, 'end_datetime', r.end_datetime)
            ORDER BY r.start_datetime, r.representation_id)
        FROM representations r WHERE r.event_id = e.event_id AND r.start_datetime > clock_timestamp())
        AS representations,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('offer_id', o.offer_id, 'event_id', o.event_id, 'name', o.name,
            'type', o.type, 'max_quantity_per_order', o.max_quantity_per_order, 'description', o.description)
            ORDER BY o.offer_id), '[]')
        FROM offers o WHERE o.event_id = e.event_id) AS offers,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('offer_id', i.offer_id,
            'representation_id', i.representation_id,
            'open', i.waiting_list_open AND clock_timestamp() < least(i.closes_at, r.start_datetime)
                AND (i.max_waiting IS NULL OR i.waiting < i.max_waiting),
            'waiting', i.waiting, 'free', i.available_stock - i.held)
            ORDER BY r.start_datetime, i.offer_id), '[]')
        FROM inventory i
        JOIN representations r ON r.representation_id = i.representation_id
        WHERE i.event_id = e.event_id AND r.start_datetime > clock_timestamp()) AS waiting_lists
FROM events e
CROSS JOIN LATERAL (
    SELECT min(r.start_datetime) AS next_start FROM representations r
    WHERE r.event_id = e.event_id AND r.start_datetime > clock_timestamp()
) AS n
WHERE n.next_start IS NOT NULL AND ($1::text[] IS NULL OR e.organization_id = ANY ($1))
    AND ($2::timestamptz IS NULL OR (n.next_start, e.event_id) > ($2, $3::text))
ORDER BY n.next_start, e.event_id LIMIT $4
