-- Delete the gateway for text messages of one organization.
-- Locks that row.
DELETE FROM sms_gateways WHERE organization_id = $1 RETURNING gateway_id, url, prefixes, created_at
