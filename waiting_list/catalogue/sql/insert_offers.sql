-- Insert the offers that are new, and return their ids.
-- Locks the new rows, and their events against deletion; leaves out each offer whose id is in use.
INSERT INTO offers (offer_id, event_id, name, type, max_quantity_per_order, description)
SELECT o.offer_id, o.event_id, o.name, o.type, o.max_quantity_per_order, o.description
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[])
    AS o (offer_id, event_id, name, type, max_quantity_per_order, description)
ON CONFLICT (offer_id) DO NOTHING
RETURNING offer_id
