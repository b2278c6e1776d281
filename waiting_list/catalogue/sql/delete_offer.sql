-- Delete an offer of one organization; a foreign key refuses it while an inventory refers to the offer.
-- Locks the offer's row.
DELETE FROM offers o USING events e
WHERE e.event_id = o.event_id AND e.organization_id = $1 AND o.offer_id = $2
RETURNING o.offer_id, o.event_id, o.name, o.type, o.max_quantity_per_order, o.description
