-- Make calls of one organization wait for each other until the transaction ends. Its oldest API key and its oldest member serve
-- as the lock. Locks these rows; authentication only reads a key.
WITH k AS (
    SELECT a.key_id FROM api_keys a WHERE a.organization_id = $1
    ORDER BY a.created_at, a.key_id LIMIT 1
    FOR NO KEY UPDATE
),
m AS (
    SELECT b.member_id FROM members b WHERE b.organization_id = $1
    ORDER BY b.created_at, b.member_id LIMIT 1
    FOR NO KEY UPDATE
)
SELECT (SELECT count(*) FROM k) + (SELECT count(*) FROM m)
