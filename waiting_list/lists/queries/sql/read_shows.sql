-- Read the event, offer, venue and start of some lists, for display.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, i.organization_id, e.title AS event_title, o.name AS offer_name,
    e.venue_name, e.venue_address, e.timezone, r.start_datetime, r.end_datetime, r.moved_from, r.cancelled_at, i.purchase_url, z.contact AS organizer_contact, z.sender_name AS organizer_name, z.logo, z.accent, z.languages
FROM inventory i
JOIN events e ON e.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN organizations z ON z.organization_id = i.organization_id
WHERE i.list_id = ANY ($1::uuid[])
