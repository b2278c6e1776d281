-- The stock of one organization, filtered.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, i.total_stock, i.available_stock, i.held,
    i.available_stock - i.held AS free, i.waiting_list_open, i.version
FROM inventory i
WHERE i.organization_id = $1
    AND ($2::text[] IS NULL OR i.event_id = ANY ($2))
    AND ($3::text[] IS NULL OR i.offer_id = ANY ($3))
    AND ($4::text[] IS NULL OR i.representation_id = ANY ($4))
    AND ($5::text IS NULL OR (i.offer_id, i.representation_id) > ($5, $6::text))
ORDER BY i.offer_id, i.representation_id LIMIT $7
