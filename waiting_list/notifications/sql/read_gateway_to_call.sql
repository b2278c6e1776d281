-- Read a gateway for text messages by its id.
-- Locks nothing.
SELECT organization_id, gateway_id, url FROM sms_gateways WHERE gateway_id = $1
