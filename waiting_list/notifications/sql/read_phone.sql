-- Read the phone number of one entry, and the gateway of its organization.
-- Locks nothing.
SELECT p.phone, p.codes, p.asked_at, p.tries, p.verified_at, p.failed_at, i.organization_id, g.gateway_id, g.prefixes
FROM inventory i
LEFT JOIN sms_gateways g ON g.organization_id = i.organization_id
LEFT JOIN phones p ON p.list_id = $1 AND p.number = $2
WHERE i.list_id = $1
