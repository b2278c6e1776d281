-- Read one entry as its fan sees it: the entry, its contact, its event, the list's settings and the free stock.
-- Locks nothing.
SELECT s.organization_id, s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at, s.keep_waiting_for_rest, s.paused_at, s.wish_id, s.set_aside_at,
    c.email, c.name, c.locale, c.verified_at IS NOT NULL AS email_verified,
    c.unsubscribed_at IS NULL AS subscribed, c.joined_from IS NOT NULL AS by_email,
    v.title AS event_title, v.venue_name, v.venue_address, v.timezone, v.max_places_per_person, o.name AS offer_name,
    o.max_quantity_per_order, least(o.max_quantity_per_order, i.total_stock) AS most_held, r.start_datetime, r.end_datetime,
    r.moved_from, r.cancelled_at, r.cancelled_reason, least(i.closes_at, r.start_datetime, r.cancelled_at) AS ends_at,
    i.waiting_list_open, i.available_stock - i.held AS free, z.contact AS organizer_contact, z.sender_name AS organizer_name, z.logo, z.accent, z.languages,
    -- settings: i.
    i.order, i.draw_at, i.draw_source, i.policy, i.skip_limit, i.idle_minutes, i.hold_minutes, i.hold_steps,
    i.quiet_from, i.quiet_until, i.hold_grace_seconds, i.after_expiry, i.automatic, i.max_waiting, i.closes_at,
    i.verify_email, i.reminder_minutes, i.purchase_url, i.join_challenge, i.one_place_per_address,
    i.ignore_address_tags, i.requeue_limit, i.email_required, i.skip_failed_addresses, i.public_ledger, i.transfer,
    -- end of settings
    i.draw_commitment, i.drawn_at,
    EXISTS (
        SELECT 1 FROM entries x
        WHERE x.list_id = $1 AND x.user_id = s.user_id
            AND (coalesce(x.left_at, 'infinity'), x.number) > (coalesce(s.left_at, 'infinity'), s.number)
    ) AS rejoined,
    k.requeued, k.address_failed, n.phone, n.asked_at, n.verified_at, n.failed_at, g.prefixes,
    CASE WHEN t.transferred_at IS NULL THEN t.email END AS offered_to, t.expires_at AS offered_until, t.transferred_at,
    h.created_at AS shared_at, h.used_at AS shared_used_at, clock_timestamp() AS now
FROM (
    -- shown_entries of $1
    SELECT e.list_id, e.number, i.organization_id, i.offer_id, i.representation_id, i.event_id, e.user_id,
        e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held, e.rank,
        p.position, p.tickets_ahead, e.joined_at, e.ready_at,
        CASE WHEN e.status = 'left' AND e.ready_until IS NOT NULL THEN e.ready_until
            WHEN e.ready_at IS NOT NULL THEN least(e.ready_until, i.closes_at, r.start_datetime, r.cancelled_at) END
            AS ready_until,
        e.left_at, e.keep_waiting_for_rest, e.paused_at, e.wish_id, e.set_aside_at
    FROM entries e
    JOIN inventory i ON i.list_id = $1
    JOIN representations r ON r.representation_id = i.representation_id
    LEFT JOIN LATERAL (
        SELECT 1 + coalesce(sum(before.waiting), 0)::bigint AS position,
            coalesce(sum(before.tickets), 0)::bigint AS tickets_ahead
        FROM (
            SELECT s.waiting, s.tickets FROM segments s
            WHERE s.list_id = $1 AND s.bits = 35 AND s.segment < e.rank >> 35
            UNION ALL
            SELECT s.waiting, s.tickets FROM segments s
            WHERE s.list_id = $1 AND s.bits = 30
                AND s.segment >= (e.rank >> 35) << 5 AND s.segment < e.rank >> 30
            UNION ALL
            SELECT s.waiting, s.tickets FROM segments s
            WHERE s.list_id = $1 AND s.bits = 25
                AND s.segment >= (e.rank >> 30) << 5 AND s.segment < e.rank >> 25
            UNION ALL
            SELECT 1, x.tickets_wanted FROM entries x
            WHERE x.list_id = $1 AND x.status = 'waiting'
                AND x.rank >= (e.rank >> 25) << 25 AND x.rank < e.rank
            UNION ALL
            SELECT 1, x.tickets_wanted - x.tickets_held FROM entries x
            WHERE x.list_id = $1 AND x.status = 'ready' AND x.keep_waiting_for_rest
                AND x.tickets_held < x.tickets_wanted AND x.rank >= (e.rank >> 25) << 25 AND x.rank < e.rank
        ) AS before
    ) AS p ON (i.order = 'arrival' OR i.drawn_at IS NOT NULL)
        AND (e.status = 'waiting'
            OR e.status = 'ready' AND e.keep_waiting_for_rest AND e.tickets_held < e.tickets_wanted)
    WHERE e.list_id = $1
    -- end of shown_entries
) AS s
JOIN inventory i ON i.list_id = $1
JOIN events v ON v.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN entries k ON k.list_id = $1 AND k.number = $2
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN organizations z ON z.organization_id = i.organization_id
LEFT JOIN contacts c ON c.list_id = $1 AND c.number = $2
LEFT JOIN phones n ON n.list_id = $1 AND n.number = $2
LEFT JOIN sms_gateways g ON g.organization_id = i.organization_id
LEFT JOIN transfers t ON t.list_id = $1 AND t.number = $2
LEFT JOIN shared_links h ON h.list_id = $1 AND h.number = $2
WHERE s.number = $2 AND s.user_id IS NOT NULL
