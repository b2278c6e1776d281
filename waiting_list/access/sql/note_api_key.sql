-- Record that an API key is in use, at most once a minute.
-- Locks the key's row.
UPDATE api_keys SET last_used_at = statement_timestamp()
WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < statement_timestamp() - interval '1 minute')
