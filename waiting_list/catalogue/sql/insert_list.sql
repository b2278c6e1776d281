-- Insert the inventory of an offer at a representation, if both belong to one event of the organization.
-- Locks the new row; inserts no row if the inventory exists, or if the offer or representation does not.
INSERT INTO inventory (list_id, organization_id, event_id, offer_id, representation_id,
    total_stock, available_stock, waiting_list_open, closed_by_hand)
SELECT $1, e.organization_id, e.event_id, o.offer_id, r.representation_id, $5, $6, $7, $8
FROM offers o
JOIN representations r ON r.event_id = o.event_id
JOIN events e ON e.event_id = o.event_id
WHERE e.organization_id = $2 AND o.offer_id = $3 AND r.representation_id = $4
ON CONFLICT (list_id) DO NOTHING
RETURNING list_id
