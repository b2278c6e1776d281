-- Read one row per list of one organization with an entry that passes the filters, and count these entries by status.
-- Locks nothing.
SELECT i.list_id, i.offer_id, i.representation_id, i.event_id, i.waiting_list_open AS open,
    i.waiting_list_open, i.closed_by_hand, i.max_waiting, i.waiting, i.closes_at, p.start_datetime, p.cancelled_at,
    p.cancelled_reason, (SELECT v.draft FROM events v WHERE v.event_id = i.event_id) AS draft,
    statement_timestamp() AS now,
    i.total_stock, i.available_stock, i.held, i.available_stock - i.held AS free,
    (SELECT count(*) FROM entries f WHERE f.list_id = i.list_id AND f.address_failed AND f.status <> 'left') AS address_failed,
    jsonb_build_object('waiting', c.waiting, 'ready', c.ready, 'left', c.left) AS entries,
    jsonb_build_object('waiting', c.tickets_waiting, 'ready', c.tickets_ready, 'left', c.tickets_left)
        AS tickets,
    c.oldest_joined_at
FROM inventory i
JOIN representations p ON p.representation_id = i.representation_id
CROSS JOIN LATERAL (
    SELECT count(*) AS entries,
        count(*) FILTER (WHERE e.status = 'waiting') AS waiting,
        count(*) FILTER (WHERE e.status = 'ready') AS ready,
        count(*) FILTER (WHERE e.status = 'left') AS left,
        coalesce(sum(e.tickets_wanted) FILTER (WHERE e.status = 'waiting'), 0) AS tickets_waiting,
        coalesce(sum(e.tickets_held) FILTER (WHERE e.status = 'ready'), 0) AS tickets_ready,
        coalesce(sum(e.tickets_wanted) FILTER (WHERE e.status = 'left'), 0) AS tickets_left,
        min(e.joined_at) FILTER (WHERE e.status = 'waiting') AS oldest_joined_at
    FROM entries e
    WHERE e.list_id = i.list_id
        AND ($2::text[] IS NULL OR e.user_id = ANY ($2))
        AND ($6::text[] IS NULL OR e.status = ANY ($6))
        AND ($7::text[] IS NULL OR e.left_reason = ANY ($7))
        AND ($8::timestamptz IS NULL OR e.joined_at < $8)
        AND ($9::timestamptz IS NULL OR e.joined_at >= $9)
        AND ($10::boolean IS NOT TRUE OR e.paused_at IS NOT NULL)
) AS c
WHERE i.organization_id = $1
    AND ($3::text[] IS NULL OR i.event_id = ANY ($3))
    AND ($4::text[] IS NULL OR i.offer_id = ANY ($4))
    AND ($5::text[] IS NULL OR i.representation_id = ANY ($5))
    AND c.entries > 0
    AND ($11::text IS NULL OR (i.offer_id, i.representation_id) > ($11, $12::text))
ORDER BY i.offer_id, i.representation_id LIMIT $13
