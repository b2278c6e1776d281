-- Read how long the history of one list is, and its newest checkpoint, with the cosignatures of it.
-- Locks nothing.
SELECT i.organization_id, i.offer_id, i.representation_id, i.last_sequence, c.origin, c.size, c.root, c.signed_at,
    c.note || coalesce((
        SELECT string_agg(w.value ->> 'line', '' ORDER BY w.key) FROM jsonb_each(c.cosigned) w
        WHERE (w.value ->> 'size')::bigint = c.size
    ), '') AS note
FROM inventory i
LEFT JOIN checkpoints c ON c.list_id = $1
WHERE i.list_id = $1
