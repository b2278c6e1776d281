-- Set the gateway for text messages of one organization; it keeps its id ($2 is for a new one).
-- Locks that row.
INSERT INTO sms_gateways (organization_id, gateway_id, url, prefixes, created_at)
VALUES ($1::text, $2::text, $3::text, $4::text[], $5::timestamptz)
ON CONFLICT (organization_id) DO UPDATE SET url = excluded.url, prefixes = excluded.prefixes
RETURNING gateway_id, url, prefixes, created_at
