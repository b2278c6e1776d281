-- Read the signing key of this deployment for one purpose.
-- Locks nothing.
SELECT secret FROM signing_keys WHERE purpose = $1
