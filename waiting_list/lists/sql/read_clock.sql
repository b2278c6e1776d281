-- Read the time of a change ($3, or the clock), once the list is locked. Read what the catalogue says then, with the
-- organization's enabled webhooks, one array a column, and whether the deployment sends e-mails. Locks nothing.
SELECT coalesce($3::timestamptz, clock_timestamp()) AS now,
    r.start_datetime, o.max_quantity_per_order, e.timezone, e.max_places_per_person, w.webhook_ids, w.webhook_types,
    EXISTS (SELECT FROM mail_seen) AS sends_mail
FROM offers o
CROSS JOIN representations r
JOIN events e ON e.event_id = r.event_id
CROSS JOIN LATERAL (
    SELECT array_agg(x.webhook_id ORDER BY x.webhook_id) AS webhook_ids,
        array_agg(array_to_string(x.types, ' ') ORDER BY x.webhook_id) AS webhook_types
    FROM webhooks x WHERE x.organization_id = e.organization_id AND x.disabled_at IS NULL
) AS w
WHERE o.offer_id = $1 AND r.representation_id = $2
