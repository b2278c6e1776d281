-- Whether there is any API key, also one that has expired or been revoked.
-- Locks nothing.
SELECT EXISTS (SELECT FROM api_keys)
