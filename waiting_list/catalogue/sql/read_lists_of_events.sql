-- Read the lists of some events ($1) whose representation is to come, an array an event, as a fan's page shows them.
-- Locks nothing.
SELECT i.event_id, clock_timestamp() AS now,
    jsonb_agg(jsonb_build_object('offer_id', i.offer_id, 'representation_id', i.representation_id,
            'waiting_list_open', i.waiting_list_open, 'closed_by_hand', i.closed_by_hand, 'max_waiting', i.max_waiting,
            'closes_at', i.closes_at, 'start_datetime', r.start_datetime, 'cancelled_at', r.cancelled_at,
            'waiting', i.waiting, 'free', i.available_stock - i.held)
        ORDER BY r.start_datetime, i.offer_id) AS waiting_lists
FROM inventory i
JOIN representations r ON r.representation_id = i.representation_id
WHERE i.event_id = ANY ($1::text[]) AND r.start_datetime > clock_timestamp()
GROUP BY i.event_id
