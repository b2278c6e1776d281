-- What an API key may do is said by its scopes alone.
-- works from: 0006

-- read_only is not written any more. Code that knows no scopes would take a key for one that only reads.
ALTER TABLE api_keys ALTER COLUMN read_only SET DEFAULT true;

-- Keys that were made before there were scopes.
UPDATE api_keys SET scopes = CASE WHEN read_only THEN '{read}'::text[] ELSE '{admin}'::text[] END WHERE scopes IS NULL;
