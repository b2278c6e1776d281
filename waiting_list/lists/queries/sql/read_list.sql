-- Read the public data of one list: its stock, settings and rules, and whether it has ended.
-- Locks nothing.
SELECT i.organization_id, i.offer_id, i.representation_id, i.event_id, i.total_stock, i.available_stock, i.held, i.available_stock - i.held AS free,
    i.waiting_list_open, i.closed_by_hand, i.version,
    CASE WHEN i.available_stock > i.held AND (i.waiting > 0 AND EXISTS (
        SELECT FROM entries w
        WHERE w.list_id = $1 AND w.status = 'waiting' AND NOT (i.verify_email AND w.unverified)
            AND NOT (i.skip_failed_addresses AND w.address_failed) AND w.paused_at IS NULL
            AND w.set_aside_at IS NULL
            AND w.tickets_minimum <= least(o.max_quantity_per_order, i.total_stock)
    ) OR i.held > 0 AND EXISTS (
        SELECT FROM entries w
        WHERE w.list_id = $1 AND w.status = 'ready' AND w.keep_waiting_for_rest
            AND w.tickets_held < w.tickets_wanted AND w.tickets_held < least(o.max_quantity_per_order, i.total_stock)
            AND (w.ready_until IS NULL OR w.ready_until > statement_timestamp())
    )) THEN 0 ELSE i.available_stock - i.held END AS sellable,
    -- settings: i.
    i.order, i.draw_at, i.draw_source, i.policy, i.skip_limit, i.idle_minutes, i.hold_minutes, i.hold_steps,
    i.quiet_from, i.quiet_until, i.hold_grace_seconds, i.after_expiry, i.automatic, i.max_waiting, i.closes_at,
    i.verify_email, i.reminder_minutes, i.purchase_url, i.join_challenge, i.one_place_per_address,
    i.ignore_address_tags, i.requeue_limit, i.email_required, i.skip_failed_addresses, i.public_ledger, i.transfer,
    -- end of settings
    i.draw_commitment, i.drawn_at, (SELECT d.randomness FROM draws d WHERE d.list_id = $1) AS draw_randomness,
    e.timezone, e.max_places_per_person, e.draft, i.waiting, i.tickets_waiting, o.max_quantity_per_order,
    e.title AS event_title, o.name AS offer_name, e.venue_name, e.venue_address, r.start_datetime, r.end_datetime, r.moved_from,
    r.cancelled_at, r.cancelled_reason, z.contact AS organizer_contact, z.sender_name AS organizer_name, z.logo, z.accent, z.languages, clock_timestamp() AS now,
    least(i.closes_at, r.start_datetime, r.cancelled_at) AS ends_at,
    (SELECT count(*) FROM history h WHERE h.list_id = $1 AND h.verb = 'grant') AS granted,
    clock_timestamp() >= least(i.closes_at, r.start_datetime, r.cancelled_at) AS ended
FROM inventory i
JOIN events e ON e.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN organizations z ON z.organization_id = i.organization_id
WHERE i.list_id = $1
