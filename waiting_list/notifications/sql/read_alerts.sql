-- Read what the letters about the opening of one list can say: whom they go to ($2), its show, its state and the sender.
-- Locks nothing.
SELECT a.alert_id, a.email, a.locale, i.organization_id, i.offer_id, i.representation_id, v.title AS event_title, v.venue_name,
    v.venue_address, v.timezone, v.draft, o.name AS offer_name, r.start_datetime, r.cancelled_at, r.cancelled_reason,
    i.closes_at, i.max_waiting, i.waiting, i.waiting_list_open, i.closed_by_hand, statement_timestamp() AS now,
    z.sender_name, z.reply_to, z.contact AS organizer_contact, z.logo, z.accent, z.languages, z.footer
FROM alerts a
JOIN inventory i ON i.list_id = $1
JOIN events v ON v.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN organizations z ON z.organization_id = i.organization_id
WHERE a.list_id = $1 AND a.alert_id = ANY ($2::uuid[])
