-- Keep a device of one entry, or its newest keys; at most $9 devices for each entry. Return whether it is kept.
-- Locks the new row.
INSERT INTO push_subscriptions (list_id, number, push_id, endpoint, p256dh, auth, by_link, created_at)
SELECT i.list_id, $2::bigint, $3::uuid, $4::text, $5::text, $6::text, $7::boolean, $8::timestamptz
FROM inventory i
WHERE i.list_id = $1 AND (
    SELECT count(*) FROM push_subscriptions p WHERE p.list_id = $1 AND p.number = $2 AND p.push_id <> $3
) < $9::bigint
ON CONFLICT (list_id, number, push_id) DO UPDATE
SET p256dh = excluded.p256dh, auth = excluded.auth, by_link = excluded.by_link
RETURNING true
