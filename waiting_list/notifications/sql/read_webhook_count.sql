-- How many webhooks an organization has.
-- Locks nothing: runs under the organization's lock.
SELECT count(*) FROM webhooks w WHERE w.organization_id = $1
