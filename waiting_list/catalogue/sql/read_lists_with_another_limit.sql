-- The lists of some offers ($2) of these events ($1) that noted another order limit than their offer has, or none yet.
-- Locks nothing.
SELECT i.offer_id, i.representation_id
FROM inventory i
JOIN offers o ON o.offer_id = i.offer_id
WHERE i.event_id = ANY ($1::text[]) AND o.offer_id = ANY ($2::text[])
    AND i.order_limit IS DISTINCT FROM o.max_quantity_per_order
