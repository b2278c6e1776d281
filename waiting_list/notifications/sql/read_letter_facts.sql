-- Read what e-mails about some entries of one list can say: the contact, the entry, its event and offer, and when the
-- newest e-mails asked to verify the address and said that the fan joined; and the sender. Locks nothing.
SELECT i.list_id, s.organization_id, s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at, s.keep_waiting_for_rest, s.paused_at, s.wish_id, s.set_aside_at, e.unverified, e.address_failed,
    c.email, c.name, c.locale, c.verified_at IS NOT NULL AS email_verified, c.unsubscribed_at IS NULL AS subscribed,
    c.link_version, c.link_hash IS NOT NULL AS has_link, c.joined_from IS NOT NULL AS by_email, v.title AS event_title, v.venue_name, v.venue_address, v.timezone,
    o.name AS offer_name, r.start_datetime, r.cancelled_at IS NOT NULL AS cancelled, r.cancelled_reason, i.purchase_url, i.verify_email, i.reminder_minutes, i.quiet_from, i.quiet_until, i.public_ledger,
    CASE WHEN i.order = 'draw' AND i.drawn_at IS NULL THEN i.draw_at END AS draws_at,
    z.sender_name, z.reply_to, z.contact AS organizer_contact, z.logo, z.accent, z.languages, z.footer,
    -- All entries are of one event, so one row has its words.
    CASE WHEN row_number() OVER () = 1 THEN v.wording END AS wording, a.asked_at, a.told_at, clock_timestamp() AS now
FROM unnest($2::bigint[]) AS n (number)
CROSS JOIN LATERAL (
    SELECT x.number, x.unverified, x.address_failed FROM entries x WHERE x.list_id = $1 AND x.number = n.number LIMIT 1
) AS e
CROSS JOIN LATERAL (
    SELECT x.email, x.name, x.locale, x.verified_at, x.unsubscribed_at, x.link_version, x.link_hash, x.joined_from
    FROM contacts x WHERE x.list_id = $1 AND x.number = n.number LIMIT 1
) AS c
CROSS JOIN LATERAL (
    SELECT x.organization_id, x.offer_id, x.representation_id, x.event_id, x.user_id, x.status, x.left_reason,
        x.tickets_wanted, x.tickets_minimum, x.tickets_held, x.number, x.rank, x.position, x.tickets_ahead,
        x.joined_at, x.ready_at, x.ready_until, x.left_at, x.keep_waiting_for_rest, x.paused_at, x.wish_id,
        x.set_aside_at
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
    ) AS x
    WHERE x.number = n.number LIMIT 1
) AS s
CROSS JOIN LATERAL (
    SELECT max(x.created_at) FILTER (WHERE x.type = 'verify') AS asked_at,
        max(x.created_at) FILTER (WHERE x.type = 'joined') AS told_at
    FROM outbox x WHERE x.list_id = $1 AND x.number = n.number AND x.type IN ('verify', 'joined')
) AS a
JOIN inventory i ON i.list_id = $1
JOIN events v ON v.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN organizations z ON z.organization_id = i.organization_id
