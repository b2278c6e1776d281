-- Write the leaves of changes that have none, and the hashes of their reasons. The salt goes with a reason that was erased
-- meanwhile. Locks these rows.
UPDATE history SET leaf = g.leaf, reason_hash = g.reason_hash,
    reason_salt = CASE WHEN history.reason IS NULL THEN NULL ELSE g.reason_salt END
FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[]) AS g (sequence, leaf, reason_salt, reason_hash)
WHERE history.list_id = $1 AND history.sequence = g.sequence AND history.leaf IS NULL
