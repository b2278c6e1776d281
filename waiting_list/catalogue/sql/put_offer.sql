-- Makes an offer, or changes the one that was seen ($2); says whether it was made: nothing, if it came meanwhile.
-- Locks the offer's row.
INSERT INTO offers AS o (offer_id, event_id, name, type, max_quantity_per_order, description)
VALUES ($1, $3, $4, $5, $6, $7)
ON CONFLICT (offer_id) DO UPDATE SET event_id = $3, name = $4, type = $5, max_quantity_per_order = $6,
    description = $7
WHERE $2::boolean
RETURNING xmax = 0 AS made
