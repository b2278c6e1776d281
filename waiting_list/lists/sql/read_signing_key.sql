-- What this deployment signs one thing with.
-- Locks nothing.
SELECT secret FROM signing_keys WHERE purpose = $1
