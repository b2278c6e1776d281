-- Note phone numbers of one list that take no text messages, if they are the same still.
-- Locks those rows.
UPDATE phones p SET failed_at = $4::timestamptz
FROM unnest($2::bigint[], $3::text[]) AS n (number, phone)
WHERE p.list_id = $1 AND p.number = n.number AND p.phone = n.phone AND p.failed_at IS NULL
