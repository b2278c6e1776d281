-- Read these changes of an organization's lists, each by its list and sequence, in the order in which they are given.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, i.event_id, h.sequence, h.at, h.actor, h.verb, h.number, e.user_id,
    h.before::text, h.after::text, h.reason
FROM unnest($2::uuid[], $3::bigint[]) WITH ORDINALITY AS w (list_id, sequence, place)
JOIN inventory i ON i.list_id = w.list_id AND i.organization_id = $1
JOIN history h ON h.list_id = w.list_id AND h.sequence = w.sequence
LEFT JOIN entries e ON e.list_id = h.list_id AND e.number = h.number
ORDER BY w.place
