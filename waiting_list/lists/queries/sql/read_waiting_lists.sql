-- Read one row per list of one organization, with the counts of each list by status, those of $5 if given: then leave out
-- lists without such an entry. Nothing is counted but what is ready: all else is kept. Locks nothing.
SELECT i.list_id, i.offer_id, i.representation_id, i.event_id, i.waiting_list_open AS open,
    i.waiting_list_open, i.closed_by_hand, i.max_waiting, i.waiting, i.closes_at, p.start_datetime, p.cancelled_at,
    p.cancelled_reason, (SELECT v.draft FROM events v WHERE v.event_id = i.event_id) AS draft,
    statement_timestamp() AS now,
    i.total_stock, i.available_stock, i.held, i.available_stock - i.held AS free,
    (SELECT count(*) FROM entries f WHERE f.list_id = i.list_id AND f.address_failed AND f.status <> 'left') AS address_failed,
    jsonb_build_object('waiting', CASE WHEN s.waiting THEN i.waiting ELSE 0 END,
        'ready', CASE WHEN s.ready THEN r.entries ELSE 0 END,
        'left', CASE WHEN s.left THEN i.last_number - i.waiting - r.entries ELSE 0 END) AS entries,
    jsonb_build_object('waiting', CASE WHEN s.waiting THEN i.tickets_waiting ELSE 0 END,
        'ready', CASE WHEN s.ready THEN i.held ELSE 0 END,
        'left', CASE WHEN s.left THEN
            coalesce((SELECT c.tickets_left FROM counted_lists c WHERE c.list_id = i.list_id), 0)
            + coalesce((SELECT sum(u.tickets_left) FROM uncounted_changes u WHERE u.list_id = i.list_id), 0)
        ELSE 0 END) AS tickets,
    CASE WHEN s.waiting THEN least(
        (SELECT e.joined_at FROM entries e
            WHERE e.list_id = i.list_id AND e.status = 'waiting' AND e.rank = e.number * 1000000
            ORDER BY e.rank LIMIT 1),
        (SELECT min(e.joined_at) FROM entries e
            WHERE e.list_id = i.list_id AND e.status = 'waiting' AND e.rank <> e.number * 1000000)
    ) END AS oldest_joined_at
FROM inventory i
JOIN representations p ON p.representation_id = i.representation_id
CROSS JOIN LATERAL (
    SELECT count(*) AS entries FROM entries e WHERE e.list_id = i.list_id AND e.status = 'ready'
) AS r
CROSS JOIN (
    SELECT $5::text[] IS NULL OR 'waiting' = ANY ($5) AS waiting, $5::text[] IS NULL OR 'ready' = ANY ($5) AS ready,
        $5::text[] IS NULL OR 'left' = ANY ($5) AS left
) AS s
WHERE i.organization_id = $1
    AND ($2::text[] IS NULL OR i.event_id = ANY ($2))
    AND ($3::text[] IS NULL OR i.offer_id = ANY ($3))
    AND ($4::text[] IS NULL OR i.representation_id = ANY ($4))
    AND ($5::text[] IS NULL OR s.waiting AND i.waiting > 0 OR s.ready AND r.entries > 0
        OR s.left AND i.last_number > i.waiting + r.entries)
    AND ($6::text IS NULL OR (i.offer_id, i.representation_id) > ($6, $7::text))
ORDER BY i.offer_id, i.representation_id LIMIT $8
