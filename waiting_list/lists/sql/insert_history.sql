-- Writes changes to the history of one list.
-- Locks the new rows; runs under the list's lock.
INSERT INTO history (list_id, sequence, at, actor, verb, number, before, after, reason)
SELECT $1, h.sequence, h.at, h.actor, h.verb, h.number, h.before::jsonb, h.after::jsonb, h.reason
FROM unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
    $9::text[]) AS h (sequence, at, actor, verb, number, before, after, reason)
