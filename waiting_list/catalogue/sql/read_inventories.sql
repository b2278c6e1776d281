-- The stock of one organization, filtered.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, i.total_stock, i.available_stock, i.held,
    i.available_stock - i.held AS free, i.waiting_list_open, i.version,
    CASE WHEN i.available_stock > i.held AND (i.waiting > 0 AND EXISTS (
        SELECT FROM entries w
        WHERE w.list_id = i.list_id AND w.status = 'waiting' AND NOT (i.verify_email AND w.unverified)
            AND NOT (i.skip_failed_addresses AND w.address_failed) AND w.paused_at IS NULL
            AND w.set_aside_at IS NULL
            AND w.tickets_minimum <= least(o.max_quantity_per_order, i.total_stock)
    ) OR i.held > 0 AND EXISTS (
        SELECT FROM entries w
        WHERE w.list_id = i.list_id AND w.status = 'ready' AND w.keep_waiting_for_rest
            AND w.tickets_held < w.tickets_wanted AND w.tickets_held < least(o.max_quantity_per_order, i.total_stock)
            AND (w.ready_until IS NULL OR w.ready_until > statement_timestamp())
    )) THEN 0 ELSE i.available_stock - i.held END AS sellable,
    i.closed_by_hand, i.max_waiting, i.waiting, i.closes_at, r.start_datetime, r.cancelled_at, r.cancelled_reason,
    (SELECT v.draft FROM events v WHERE v.event_id = i.event_id) AS draft, statement_timestamp() AS now
FROM inventory i
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
WHERE i.organization_id = $1
    AND ($2::text[] IS NULL OR i.event_id = ANY ($2))
    AND ($3::text[] IS NULL OR i.offer_id = ANY ($3))
    AND ($4::text[] IS NULL OR i.representation_id = ANY ($4))
    AND ($5::text IS NULL OR (i.offer_id, i.representation_id) > ($5, $6::text))
ORDER BY i.offer_id, i.representation_id LIMIT $7
