-- Makes an organization's calls wait for each other, until the transaction ends: its oldest API key stands for it.
-- Locks the row of that key; whoever checks a key only reads.
SELECT k.key_id FROM api_keys k WHERE k.organization_id = $1
ORDER BY k.created_at, k.key_id LIMIT 1
FOR NO KEY UPDATE
