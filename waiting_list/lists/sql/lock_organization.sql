-- Make calls of one organization wait for each other until the transaction ends. Its oldest API key serves as the lock.
-- Locks the row of that key; authentication only reads a key.
SELECT k.key_id FROM api_keys k WHERE k.organization_id = $1
ORDER BY k.created_at, k.key_id LIMIT 1
FOR NO KEY UPDATE
