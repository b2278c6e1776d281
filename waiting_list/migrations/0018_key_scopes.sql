-- What an API key may do is said by its scopes alone.
-- works from: 0006

-- read_only is not written any more. Code that knows no scopes would take a key for one that only reads.
ALTER TABLE api_keys ALTER COLUMN read_only SET DEFAULT true;
