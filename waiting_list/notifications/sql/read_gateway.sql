-- Read the gateway for text messages of one organization.
-- Locks nothing.
SELECT gateway_id, url, prefixes, created_at FROM sms_gateways WHERE organization_id = $1
