-- Read the lists of one organization, the next representation first: the tickets wanted, and the stock.
-- Take the totals from each list's counters, so that a long list costs no more. Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, v.title AS event_title, o.name AS offer_name, r.start_datetime,
    v.timezone, i.waiting_list_open, i.closed_by_hand,
    coalesce(i.waiting >= i.max_waiting, false) AS is_full, i.automatic, i.total_stock, i.available_stock, i.held, i.waiting,
    i.tickets_waiting, clock_timestamp() >= least(i.closes_at, r.start_datetime, r.cancelled_at) AS ended,
    r.cancelled_at IS NOT NULL AS cancelled, v.draft,
    (SELECT coalesce(sum(c.tickets_bought), 0)::bigint FROM counted_periods c WHERE c.list_id = i.list_id) AS tickets_bought,
    (SELECT count(*) FROM entries e WHERE e.list_id = i.list_id AND e.status = 'ready') AS ready
FROM inventory i
JOIN events v ON v.event_id = i.event_id
JOIN offers o ON o.offer_id = i.offer_id
JOIN representations r ON r.representation_id = i.representation_id
WHERE i.organization_id = $1
    AND ($2::text IS NULL OR i.event_id = $2)
    AND ($3::text IS NULL OR strpos(lower(v.title || ' ' || o.name || ' ' || v.venue_name), lower($3)) > 0)
    AND (NOT $4::boolean OR i.waiting > 0 OR i.held > 0)
    AND ($5::boolean OR r.start_datetime > statement_timestamp())
    AND ($6::timestamptz IS NULL OR r.start_datetime >= $6
        AND (r.start_datetime, i.offer_id, i.representation_id) > ($6, $7::text, $8::text))
ORDER BY r.start_datetime, i.offer_id, i.representation_id LIMIT $9
