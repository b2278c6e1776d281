-- Name an organization.
-- Locks the organization's row.
INSERT INTO organizations AS o (organization_id, sender_name) VALUES ($1, $2)
ON CONFLICT (organization_id) DO UPDATE SET sender_name = excluded.sender_name
