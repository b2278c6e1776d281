-- Read the lists of an organization that an organizer should look at now, the next show first: free tickets while fans
-- wait, holds that end within $2, and shows that begin within $3. $4: the most rows. Locks nothing.
WITH ending AS (
    SELECT e.list_id, count(*) AS holds_ending, min(e.ready_until) AS first_hold_until
    FROM inventory i
    JOIN entries e ON e.list_id = i.list_id AND e.status = 'ready'
    WHERE i.organization_id = $1 AND i.held > 0
        AND e.ready_until BETWEEN clock_timestamp() AND clock_timestamp() + $2::interval
    GROUP BY e.list_id
)
SELECT i.offer_id, i.representation_id, i.event_id, v.title AS event_title, o.name AS offer_name, r.start_datetime,
    v.timezone, i.available_stock - i.held AS free, i.waiting, i.tickets_waiting, i.held, i.automatic,
    coalesce(h.holds_ending, 0) AS holds_ending, h.first_hold_until,
    r.start_datetime < clock_timestamp() + $3::interval AS is_soon
FROM inventory i
JOIN events v ON v.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN ending h ON h.list_id = i.list_id
WHERE i.organization_id = $1 AND NOT v.draft
    AND clock_timestamp() < least(i.closes_at, r.start_datetime, r.cancelled_at)
    AND ((i.available_stock > i.held AND i.waiting > 0) OR h.list_id IS NOT NULL
        OR (r.start_datetime < clock_timestamp() + $3::interval AND (i.waiting > 0 OR i.held > 0)))
ORDER BY r.start_datetime, i.offer_id, i.representation_id LIMIT $4
