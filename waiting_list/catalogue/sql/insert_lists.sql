-- Insert inventories with their first change, each for an offer and a representation of one event of its organization.
-- Locks the new rows; inserts no row for an inventory that exists, or whose offer or representation does not.
INSERT INTO inventory AS i (list_id, organization_id, event_id, offer_id, representation_id,
    total_stock, available_stock, waiting_list_open, closed_by_hand, order_limit,
    last_sequence)
SELECT l.list_id, e.organization_id, e.event_id, o.offer_id, r.representation_id,
    l.total_stock, l.available_stock, l.waiting_list_open, l.closed_by_hand, o.max_quantity_per_order, 1
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::integer[], $7::boolean[],
    $8::boolean[]) AS l (list_id, organization_id, offer_id, representation_id,
    total_stock, available_stock, waiting_list_open, closed_by_hand)
JOIN offers o ON o.offer_id = l.offer_id
JOIN representations r ON r.representation_id = l.representation_id AND r.event_id = o.event_id
JOIN events e ON e.event_id = o.event_id AND e.organization_id = l.organization_id
ORDER BY l.list_id
ON CONFLICT (list_id) DO NOTHING
RETURNING i.list_id, i.organization_id, i.event_id, i.offer_id, i.representation_id,
    i.total_stock, i.available_stock, i.held, i.waiting_list_open, i.closed_by_hand, i.order_limit,
    -- settings: i.
    i.order, i.draw_at, i.draw_source, i.policy, i.skip_limit, i.idle_minutes, i.hold_minutes, i.hold_steps,
    i.quiet_from, i.quiet_until, i.hold_grace_seconds, i.after_expiry, i.automatic, i.max_waiting, i.closes_at,
    i.verify_email, i.reminder_minutes, i.purchase_url, i.join_challenge, i.one_place_per_address,
    i.ignore_address_tags, i.requeue_limit, i.email_required, i.skip_failed_addresses, i.public_ledger, i.transfer,
    -- end of settings
    i.waiting, i.tickets_waiting, i.last_number, i.last_rank, i.last_sequence, i.version, i.ended_at, i.idle_until,
    i.draw_commitment, i.drawn_at, i.drawn_through
