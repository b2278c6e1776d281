-- Read the enabled webhooks of an organization that ask for a type of event by its name.
-- Locks nothing.
SELECT w.webhook_id FROM webhooks w
WHERE w.organization_id = $1 AND w.disabled_at IS NULL AND $2 = ANY (w.types)
