-- Read devices of one list.
-- Locks nothing.
SELECT p.push_id, p.endpoint, p.p256dh, p.auth, p.by_link
FROM push_subscriptions p WHERE p.list_id = $1 AND p.push_id = ANY ($2::uuid[])
