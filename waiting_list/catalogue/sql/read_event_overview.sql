-- Read an organization's events as an overview: what has no date and what comes next first, then what is past, the newest
-- first. $2: their id; $3: a text in title or venue; $4: `coming`, `past`, `archived` or `all`. Locks nothing.
SELECT v.event_id, v.title, v.venue_name, v.timezone, v.draft, v.unlisted, v.archived, v.dates, v.next_start, v.last_start, v.cancelled, v.place
FROM (
    SELECT e.event_id, e.title, e.venue_name, e.timezone, e.draft, e.unlisted, e.archived, d.dates, d.next_start, d.last_start,
        coalesce(d.cancelled, false) AS cancelled,
        -- Seconds: a coming event by its next date. Behind all of them a past one, by its last date backwards.
        CASE WHEN d.dates > 0 AND d.next_start IS NULL THEN 1000000000000 - extract(epoch FROM d.last_start)::bigint
            ELSE coalesce(extract(epoch FROM d.next_start)::bigint, 0) END AS place
    FROM events e
    CROSS JOIN LATERAL (
        SELECT count(*) AS dates, min(r.start_datetime) FILTER (WHERE r.start_datetime > statement_timestamp()) AS next_start,
            max(r.start_datetime) AS last_start, bool_and(r.cancelled_at IS NOT NULL) AS cancelled
        FROM representations r WHERE r.event_id = e.event_id
    ) AS d
    WHERE e.organization_id = $1 AND ($2::text IS NULL OR e.event_id = $2)
        AND ($3::text IS NULL OR strpos(lower(e.title || ' ' || e.venue_name), lower($3)) > 0)
) AS v
WHERE ($4::text = 'all' OR v.archived = ($4 = 'archived')
        AND (v.archived OR (v.dates > 0 AND v.next_start IS NULL) = ($4 = 'past')))
    AND ($5::bigint IS NULL OR (v.place, v.event_id) > ($5, $6::text))
ORDER BY v.place, v.event_id LIMIT $7
