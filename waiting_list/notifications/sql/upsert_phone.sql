-- Keep the phone number of one entry, unverified, with the next code; return how many codes there were, and when.
-- Locks that row.
INSERT INTO phones AS p (list_id, number, phone, locale, by_link, codes, asked_at, tries)
SELECT i.list_id, $2::bigint, $3::text, $4::text, $5::boolean, 1, $6::timestamptz, 0
FROM inventory i
WHERE i.list_id = $1
ON CONFLICT (list_id, number) DO UPDATE
SET phone = excluded.phone, locale = excluded.locale, by_link = excluded.by_link, codes = p.codes + 1,
    asked_at = excluded.asked_at, tries = 0, verified_at = NULL, failed_at = NULL
RETURNING codes, asked_at
