-- Read the lists of some events ($1) whose representation is to come, an array an event, as a fan's page shows them.
-- Locks nothing.
SELECT i.event_id,
    jsonb_agg(jsonb_build_object('offer_id', i.offer_id, 'representation_id', i.representation_id,
            'open', i.waiting_list_open AND clock_timestamp() < least(i.closes_at, r.start_datetime, r.cancelled_at)
                AND (i.max_waiting IS NULL OR i.waiting < i.max_waiting),
            'waiting', i.waiting, 'free', i.available_stock - i.held)
        ORDER BY r.start_datetime, i.offer_id) AS waiting_lists
FROM inventory i
JOIN representations r ON r.representation_id = i.representation_id
WHERE i.event_id = ANY ($1::text[]) AND r.start_datetime > clock_timestamp()
GROUP BY i.event_id
