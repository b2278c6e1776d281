-- Read one list with the values that a replay of its history must reproduce, whether it has ended, and its newest
-- checkpoint. Locks nothing.
SELECT i.total_stock, i.available_stock, i.held, i.waiting_list_open, i.closed_by_hand,
    i.order_limit,
    -- settings: i.
    i.order, i.draw_at, i.draw_source, i.policy, i.skip_limit, i.idle_minutes, i.hold_minutes, i.hold_steps,
    i.quiet_from, i.quiet_until, i.hold_grace_seconds, i.after_expiry, i.automatic, i.max_waiting, i.closes_at,
    i.verify_email, i.reminder_minutes, i.purchase_url, i.join_challenge, i.one_place_per_address,
    i.ignore_address_tags, i.requeue_limit, i.email_required, i.skip_failed_addresses, i.public_ledger, i.transfer,
    -- end of settings
    i.draw_commitment, i.drawn_at, i.drawn_through, i.ended_at, i.idle_until, i.waiting, i.tickets_waiting, i.last_number, i.last_rank, i.last_sequence,
    least(i.closes_at, r.start_datetime, r.cancelled_at) AS ends_at,
    clock_timestamp() >= least(i.closes_at, r.start_datetime, r.cancelled_at) AS ended,
    c.origin, c.size, c.root, c.note, (SELECT array_agg(k.public_key) FROM ledger_keys k) AS public_keys,
    EXISTS (SELECT FROM ledger_subtrees s WHERE s.list_id = $1) AS has_subtrees
FROM inventory i
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN checkpoints c ON c.list_id = $1
WHERE i.list_id = $1
