-- The instant of a change, read once the lock is held, and what the catalogue says at that instant.
-- Locks nothing.
SELECT coalesce($3::timestamptz, clock_timestamp()) AS now,
    r.start_datetime, o.max_quantity_per_order
FROM offers o, representations r
WHERE o.offer_id = $1 AND r.representation_id = $2
