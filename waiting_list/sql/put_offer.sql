-- Makes or changes an offer, unless another organization has its id; returns whether it was made.
-- Locks the offer's row.
INSERT INTO offers AS o (offer_id, event_id, name, type, max_quantity_per_order, description)
VALUES ($1, $3, $4, $5, $6, $7)
ON CONFLICT (offer_id) DO UPDATE SET event_id = $3, name = $4, type = $5, max_quantity_per_order = $6,
    description = $7
WHERE EXISTS (SELECT FROM events e WHERE e.event_id = o.event_id AND e.organization_id = $2)
RETURNING xmax = 0 AS made
