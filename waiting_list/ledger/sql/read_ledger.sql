-- Read what the public reads of one list's ledger need: whether it is public, its length, and its newest checkpoint with the
-- cosignatures of it. Locks nothing.
SELECT i.public_ledger, i.last_sequence, c.origin, c.size, c.root, clock_timestamp() - c.signed_at AS age,
    c.note || coalesce((
        SELECT string_agg(w.value ->> 'line', '' ORDER BY w.key) FROM jsonb_each(c.cosigned) w
        WHERE (w.value ->> 'size')::bigint = c.size
    ), '') AS note
FROM inventory i
LEFT JOIN checkpoints c ON c.list_id = $1
WHERE i.list_id = $1
