-- Read the entries of some wishes ($2) in some lists ($1), as clients see them, with what makes their private link. Of an entry
-- that went to the end of its line, read the newest one. Locks nothing.
SELECT s.list_id, s.offer_id, s.representation_id, s.event_id, s.user_id, s.status, s.left_reason,
    s.tickets_wanted, s.tickets_minimum, s.tickets_held, s.number, s.rank, s.position, s.tickets_ahead,
    s.joined_at, s.ready_at, s.ready_until, s.left_at, s.keep_waiting_for_rest, s.paused_at, s.wish_id,
    s.set_aside_at, c.link_version, c.link_hash IS NOT NULL AS has_link
FROM (
    SELECT DISTINCT ON (e.list_id, e.wish_id) e.list_id, e.number
    FROM entries e
    WHERE e.list_id = ANY ($1::uuid[]) AND e.wish_id = ANY ($2::uuid[])
    ORDER BY e.list_id, e.wish_id, e.number DESC
) AS newest
JOIN shown_entries s ON s.list_id = newest.list_id AND s.number = newest.number
LEFT JOIN contacts c ON c.list_id = newest.list_id AND c.number = newest.number
