-- Read up to $4 public lists whose newest checkpoint the witness $1 has not cosigned, the oldest checkpoint first, without those
-- that it refused: of the lists $2, the checkpoints of the sizes $3. Locks nothing.
SELECT c.list_id, c.size, c.note, coalesce((c.cosigned -> $1::text ->> 'size')::bigint, 0) AS cosigned_size
FROM checkpoints c
JOIN inventory i ON i.list_id = c.list_id
LEFT JOIN unnest($2::uuid[], $3::bigint[]) AS r (list_id, size) ON r.list_id = c.list_id AND r.size = c.size
WHERE i.public_ledger AND coalesce((c.cosigned -> $1::text ->> 'size')::bigint, 0) < c.size AND r.list_id IS NULL
ORDER BY c.signed_at LIMIT $4
