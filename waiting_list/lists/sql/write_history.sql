-- Write the history of write_changes, for Citus. A column that is NULL has what a join has.
-- Locks the new rows; runs under the list's lock.
INSERT INTO history (list_id, at, sequence, actor, verb, number, before, after, reason, leaf, reason_salt, reason_hash)
SELECT l.list_id, $2, h.sequence, coalesce(h.actor, 'user'), coalesce(h.verb, 'join'), h.number, h.before,
    h.after, h.reason, h.leaf, h.reason_salt, h.reason_hash
FROM inventory l
CROSS JOIN unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::jsonb[], $8::jsonb[], $9::text[],
        $10::bytea[], $11::bytea[], $12::bytea[])
    AS h (sequence, actor, verb, number, before, after, reason, leaf, reason_salt, reason_hash)
WHERE l.list_id = $1
