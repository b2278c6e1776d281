-- Read what the letters about offers ($2) of entries of one list can say: whom they go to, the entry, its show and the sender.
-- Locks nothing.
SELECT t.transfer_id, t.email, t.locale, t.expires_at, t.transferred_at, e.number, e.status, e.tickets_wanted, e.tickets_minimum,
    e.tickets_held, least(e.ready_until, i.closes_at, r.start_datetime, r.cancelled_at) AS ready_until,
    i.organization_id, i.offer_id, i.representation_id, v.title AS event_title, v.venue_name, v.venue_address, v.timezone,
    o.name AS offer_name, r.start_datetime, clock_timestamp() AS now,
    z.sender_name, z.reply_to, z.contact AS organizer_contact, z.logo, z.accent, z.languages, z.footer
FROM transfers t
JOIN inventory i ON i.list_id = $1
JOIN entries e ON e.list_id = $1 AND e.number = t.number
JOIN events v ON v.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN organizations z ON z.organization_id = i.organization_id
WHERE t.list_id = $1 AND t.transfer_id = ANY ($2::uuid[])
