-- Find listed events that match words ($5) and a venue ($6), with a coming date from $7 to $8, where something can be had ($9).
-- Locks nothing. Looks at every listed event once, because words may be anywhere in it; then at its dates by their index.
SELECT v.event_id, n.next_start
FROM (
    SELECT e.event_id, e.timezone
    FROM events e
    WHERE NOT e.draft AND NOT e.unlisted AND ($1::text[] IS NULL OR e.organization_id = ANY ($1))
        AND ($5::text[] IS NULL OR e.searched LIKE ALL ($5))
        -- Who names a venue has it in all that is searched, so few are looked at more closely.
        AND ($6::text[] IS NULL OR e.searched LIKE ALL ($6) AND translate(
            lower(normalize(e.venue_name || ' ' || e.venue_address, NFD)),
            'øđł' || U&'\0300\0301\0302\0303\0304\0306\0307\0308\030a\030b\030c\031b\0323\0327\0328', 'odl'
        ) LIKE ALL ($6))
    OFFSET 0
) AS v
CROSS JOIN LATERAL (
    SELECT min(r.start_datetime) AS next_start
    FROM representations r
    WHERE r.event_id = v.event_id AND r.start_datetime > statement_timestamp()
        AND ($7::date IS NULL OR (r.start_datetime AT TIME ZONE v.timezone)::date >= $7)
        AND ($8::date IS NULL OR (r.start_datetime AT TIME ZONE v.timezone)::date <= $8)
        AND (NOT $9::boolean OR r.cancelled_at IS NULL AND r.representation_id IN (
            SELECT i.representation_id FROM inventory i
            WHERE (i.closes_at IS NULL OR i.closes_at > statement_timestamp())
                AND (i.available_stock > i.held OR i.waiting_list_open AND NOT i.closed_by_hand
                    AND (i.max_waiting IS NULL OR i.waiting < i.max_waiting))
        ))
) AS n
WHERE n.next_start IS NOT NULL AND ($2::timestamptz IS NULL OR (n.next_start, v.event_id) > ($2, $3::text))
ORDER BY n.next_start, v.event_id LIMIT $4
