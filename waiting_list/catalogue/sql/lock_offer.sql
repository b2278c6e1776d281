-- Read which organization owns an offer; return no row if there is no such offer.
-- Locks the offer's row.
SELECT e.organization_id FROM offers o JOIN events e ON e.event_id = o.event_id
WHERE o.offer_id = $1
FOR UPDATE OF o
