-- Whether anybody was ever able to sign in to a dashboard: any API key or member, also a former one.
-- Locks nothing.
SELECT EXISTS (SELECT FROM api_keys) OR EXISTS (SELECT FROM members)
