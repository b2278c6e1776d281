-- Insert an offer, or update it if lock_offer found it ($2). Return whether it is new.
-- Locks the offer's row; returns no row if another caller inserted it meanwhile.
INSERT INTO offers AS o (offer_id, event_id, name, type, max_quantity_per_order, description)
VALUES ($1, $3, $4, $5, $6, $7)
ON CONFLICT (offer_id) DO UPDATE SET event_id = $3, name = $4, type = $5, max_quantity_per_order = $6,
    description = $7
WHERE $2::boolean
RETURNING xmax = 0 AS made
