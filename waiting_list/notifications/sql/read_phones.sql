-- Read the phone numbers of some entries of one list.
-- Locks nothing.
SELECT p.number, p.phone, p.locale, p.codes, p.asked_at, p.verified_at, p.failed_at
FROM phones p WHERE p.list_id = $1 AND p.number = ANY ($2::bigint[])
