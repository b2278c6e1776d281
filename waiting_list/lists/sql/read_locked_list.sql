-- Read one locked list, the time of the change ($2, or the clock), the catalogue, the webhooks, whether the deployment sends
-- e-mails, the largest minimum of those in turn, pauses, the rests, and the newest entries of some users ($3). Locks nothing: runs after lock_list, alone.
SELECT i.list_id, i.organization_id, i.event_id, i.offer_id, i.representation_id,
    i.total_stock, i.available_stock, i.held, i.waiting_list_open, i.closed_by_hand, i.order_limit,
    -- settings: i.
    i.order, i.draw_at, i.draw_source, i.policy, i.skip_limit, i.idle_minutes, i.hold_minutes, i.hold_steps,
    i.quiet_from, i.quiet_until, i.hold_grace_seconds, i.after_expiry, i.automatic, i.max_waiting, i.closes_at,
    i.verify_email, i.reminder_minutes, i.purchase_url, i.join_challenge, i.one_place_per_address,
    i.ignore_address_tags, i.requeue_limit, i.email_required, i.skip_failed_addresses, i.public_ledger, i.transfer,
    -- end of settings
    i.waiting, i.tickets_waiting, i.last_number, i.last_rank, i.last_sequence, i.version, i.ended_at, i.idle_until,
    i.draw_commitment, i.drawn_at, i.drawn_through,
    coalesce($2::timestamptz, clock_timestamp()) AS now,
    r.start_datetime, r.cancelled_at, r.cancelled_reason, o.max_quantity_per_order, e.timezone, e.max_places_per_person,
    e.draft,
    greatest(
        (SELECT x.tickets_minimum FROM entries x
            WHERE x.list_id = $1 AND x.status = 'waiting' AND x.unverified = false
                AND x.paused_at IS NULL AND x.set_aside_at IS NULL
            ORDER BY x.tickets_minimum DESC LIMIT 1),
        (SELECT x.tickets_minimum FROM entries x
            WHERE x.list_id = $1 AND x.status = 'waiting' AND x.unverified = true
                AND x.paused_at IS NULL AND x.set_aside_at IS NULL
            ORDER BY x.tickets_minimum DESC LIMIT 1)
    ) AS largest_minimum,
    EXISTS (SELECT FROM entries x WHERE x.list_id = $1 AND x.status = 'waiting' AND x.paused_at IS NOT NULL)
    OR EXISTS (SELECT FROM entries x WHERE x.list_id = $1 AND x.status = 'waiting' AND x.set_aside_at IS NOT NULL) AS has_paused,
    k.rests, k.rest_tickets,
    -- By itself: an INSERT … SELECT from it would ask all nodes of a Citus.
    (SELECT g.gateway_id FROM sms_gateways g WHERE g.organization_id = i.organization_id) AS gateway_id, w.webhook_ids, w.webhook_types, EXISTS (SELECT FROM mail_seen) AS sends_mail, l.*
FROM inventory i
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
JOIN events e ON e.event_id = i.event_id
CROSS JOIN LATERAL (
    SELECT count(*) AS rests, coalesce(sum(x.tickets_wanted - x.tickets_held), 0)::bigint AS rest_tickets
    FROM entries x
    WHERE x.list_id = $1 AND x.status = 'ready' AND x.keep_waiting_for_rest AND x.tickets_held < x.tickets_wanted
) AS k
CROSS JOIN LATERAL (
    SELECT array_agg(x.webhook_id ORDER BY x.webhook_id) AS webhook_ids,
        array_agg(array_to_string(x.types, ' ') ORDER BY x.webhook_id) AS webhook_types
    FROM webhooks x WHERE x.organization_id = i.organization_id AND x.disabled_at IS NULL
) AS w
CROSS JOIN LATERAL (
    SELECT array_agg(y.number) AS number, array_agg(y.user_id) AS user_id, array_agg(y.status) AS status,
        array_agg(y.left_reason) AS left_reason, array_agg(y.tickets_wanted) AS tickets_wanted,
        array_agg(y.tickets_minimum) AS tickets_minimum, array_agg(y.tickets_held) AS tickets_held,
        array_agg(y.rank) AS rank, array_agg(y.passed_over) AS passed_over,
        array_agg(y.unverified) AS unverified, array_agg(y.joined_at) AS joined_at,
        array_agg(y.ready_at) AS ready_at, array_agg(y.ready_until) AS ready_until,
        array_agg(y.left_at) AS left_at, array_agg(y.requeued) AS requeued,
        array_agg(y.keep_waiting_for_rest) AS keep_waiting_for_rest, array_agg(y.address_failed) AS address_failed,
        array_agg(y.paused_at) AS paused_at, array_agg(y.wish_id) AS wish_id, array_agg(y.set_aside_at) AS set_aside_at
    FROM unnest($3::text[]) AS u (user_id)
    CROSS JOIN LATERAL (
        SELECT x.number, x.user_id, x.status, x.left_reason, x.tickets_wanted, x.tickets_minimum, x.tickets_held,
            x.rank, x.passed_over, x.unverified, x.joined_at, x.ready_at, x.ready_until, x.left_at, x.requeued,
        x.keep_waiting_for_rest, x.address_failed, x.paused_at, x.wish_id, x.set_aside_at
        FROM entries x WHERE x.list_id = $1 AND x.user_id = u.user_id
        ORDER BY x.left_at DESC, x.number DESC LIMIT 1
    ) AS y
) AS l
WHERE i.list_id = $1
